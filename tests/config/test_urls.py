import pytest

from switch_grpc.config.urls import base_problems, is_private


@pytest.mark.parametrize(
    "base",
    [
        "https://api.example.com",
        "https://api.example.com:8443/v1",
        "https://10.0.0.1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1",
        "http://vllm:8000/v1",
        "http://vllm.models.svc:8000",
        "http://vllm.models.svc.cluster.local",
        "http://host.docker.internal:8080",
        "http://10.1.2.3",
        "http://172.16.0.1",
        "http://172.31.255.255",
        "http://192.168.1.1",
        "http://[fd12::1]",
        "http://[::ffff:10.0.0.1]",
        "HTTP://LOCALHOST:1",
    ],
)
def test_these_bases_are_fine(base: str):
    assert base_problems(("apiBase",), base, ()) == []


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("api.example.com", "an http or https URL with a host"),
        ("localhost:8080", "an http or https URL with a host"),
        ("ftp://example.com", "an http or https URL with a host"),
        ("https://", "an http or https URL with a host"),
        ("https://a b", "an http or https URL with a host"),
        ("https://a\nb", "an http or https URL with a host"),
        ("https://a\\b", "an http or https URL with a host"),
        ("https://example.com:port", "an http or https URL with a host"),
        ("https://example.com:0", "an http or https URL with a host"),
        ("https://[::1", "an http or https URL with a host"),
        ("https://exa%6dple.com", "an http or https URL with a host"),
        ("https://user:pass@example.com", "a URL without user name and password"),
        ("https://@example.com", "a URL without user name and password"),
        ("https://example.com/#frag", 'a URL without "#"'),
        ("https://example.com/#", 'a URL without "#"'),
        ("https://example.com/?a=b", 'a URL without "?"'),
        ("http://example.com", "https, as the host is public"),
        ("http://8.8.8.8", "https, as the host is public"),
        ("http://172.32.0.1", "https, as the host is public"),
        ("http://[2001:db8::1]", "https, as the host is public"),
        ("http://localhost.example.com", "https, as the host is public"),
        ("http://127.0.0.1.example.com", "https, as the host is public"),
        ("http://169.254.169.254/latest", "an address outside the denied ranges"),
        ("https://169.254.169.254", "an address outside the denied ranges"),
        ("http://[::ffff:169.254.169.254]", "an address outside the denied ranges"),
        ("http://[fd00:ec2::254]", "an address outside the denied ranges"),
        ("http://0.0.0.0:80", "an address outside the denied ranges"),
        ("http://224.0.0.1", "an address outside the denied ranges"),
    ],
)
def test_these_bases_are_refused(base: str, expected: str):
    (problem,) = base_problems(("apiBase",), base, ())
    assert problem.expected == expected


def test_a_denied_address_may_be_listed():
    assert base_problems(("apiBase",), "https://169.254.10.1", ["a.example", "169.254.10.0/24"]) == []


def test_all_that_is_wrong_with_a_base_is_said_at_once():
    assert len(base_problems(("apiBase",), "http://u:p@example.com/?q#f", ())) == 4


def test_a_name_with_a_final_dot_is_the_same_name():
    assert is_private("LOCALHOST.")
    assert not is_private("example.com.")
