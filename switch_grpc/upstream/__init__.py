"""The one way out: HTTP to providers, behind an interface small enough to script in tests.

`base` is the interface, `lanes` opens what implements it: `direct` straight to the provider, `proxied`
through a proxy. Foreign exceptions end here: whatever the network does becomes a Fault of the right kind, in
the words of `outcomes`. The direct lane in the order of a request:

    writing     the request as bytes, and the origin it goes to     pure
    pool        idle connections by origin                          pure
    lookup      the origin's addresses, by the rule of `addresses`
    connect     TCP and TLS to one of them
    connection  one socket; its time limit
    answer      the bytes that come, as an HTTP answer              pure
    content     the answer's body where it is packed                pure
"""
