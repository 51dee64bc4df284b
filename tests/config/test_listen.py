import pytest

from switch_grpc.config.listen import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("127.0.0.1:3000", Address("127.0.0.1", 3000), True),
        ("localhost:0", Address("localhost", 0), True),
        ("[::1]:50051", Address("::1", 50051), True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),
        ("[::]:80", Address("::", 80), False),
        ("switch.internal:65535", Address("switch.internal", 65535), False),
        ("unix:/run/switch/http.sock", Address(path="/run/switch/http.sock"), True),
        ("unix:switch.sock", Address(path="switch.sock"), True),
    ],
)
def test_an_address_reads_and_prints_the_same(text: str, address: Address, local: bool):
    assert (parse_address(text), str(address), address.is_local) == (address, text, local)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3000", "no port"),
        (":3000", "no host"),
        ("localhost:", "port"),
        ("localhost:http", "port"),
        ("localhost:65536", "port"),
        ("localhost:-1", "port"),
        ("localhost:٣", "port"),
        ("::1:3000", "brackets"),
        ("[::1:3000", "brackets"),
        ("[nope]:1", "nope"),
        ("1.2.3:4", "1.2.3"),
        ("a b:1", "no name and no address"),
        ("http://localhost:1", "brackets"),
        ("unix:", "no path"),
        ("unix:@abstract", "abstract"),
        ("unix:/" + "x" * 107, "107"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, why: str):
    with pytest.raises(ValueError, match=why):
        parse_address(text)
