"""URLs that are refused before anything is asked, and names whose addresses are: what each tries, and why it fails."""

from typing import NamedTuple

from intaglio.outbound.base import Reason

HERE = "127.0.0.2"
"""The one address that the tests' rules open; the hostile server listens there."""


class Row(NamedTuple):
    """One attack. `{port}` in the URL is that of the hostile server."""

    what: str
    url: str
    reason: Reason


FORM = (
    Row("no scheme", "images.example/disk.img", Reason.FORM),
    Row("empty", "", Reason.FORM),
    Row("no host", "http:///disk.img", Reason.FORM),
    Row("one slash", "http:/127.0.0.1/", Reason.FORM),
    Row("a space in front", " http://127.0.0.1/", Reason.FORM),
    Row("a tab in the host", "http://127.0.0.1\t.images.example/", Reason.FORM),
    Row("a line that becomes a header", "http://images.example/\r\nX-Injected: yes", Reason.FORM),
    Row("a line break at the end", "http://images.example/\n", Reason.FORM),
    Row("a backslash for a slash", "http://images.example\\@127.0.0.1/", Reason.FORM),
    Row("two @", "http://images.example@127.0.0.1@images.example/", Reason.FORM),
    Row("a colon too many", "http://127.0.0.1:80:443/", Reason.FORM),
    Row("letters of another script", "http://ⓛocalhost/", Reason.FORM),
    Row("wide digits", "http://\uff11\uff12\uff17.0.0.1/", Reason.FORM),
    Row("an ideographic full stop", "http://127。0。0。1/", Reason.FORM),
    Row("a host in percent signs", "http://%31%32%37.0.0.1/", Reason.FORM),
    Row("a zero byte", "http://images.example%00.127.0.0.1/", Reason.FORM),
    Row("an empty label", "http://images..example/", Reason.FORM),
    Row("a label that is too long", f"http://{'a' * 64}.example/", Reason.FORM),
    Row("a URL that is too long", f"http://images.example/{'a' * 9000}", Reason.FORM),
    Row("port 0", "http://images.example:0/", Reason.FORM),
    Row("a port beyond the last", "http://images.example:65616/", Reason.FORM),
    Row("a port with a sign", "http://images.example:-80/", Reason.FORM),
    Row("an IPv6 address without brackets", "http://::1/", Reason.FORM),
    Row("an IPv6 address with a zone", "http://[fe80::1%25eth0]/", Reason.FORM),
    Row("brackets around nothing sensible", "http://[::1::]/", Reason.FORM),
    Row("a password that holds a line break", "http://u:p%0d%0aX@images.example/", Reason.FORM),
)

SCHEMES = (
    Row("a file", "file:///etc/passwd", Reason.SCHEME),
    Row("a file with a host", "file://localhost/etc/shadow", Reason.SCHEME),
    Row("FTP", "ftp://images.example/disk.img", Reason.SCHEME),
    Row("gopher, which can say anything to any port", "gopher://127.0.0.1:6379/_FLUSHALL", Reason.SCHEME),
    Row("a dictionary server", "dict://127.0.0.1:11211/stats", Reason.SCHEME),
    Row("a directory server", "ldap://127.0.0.1/", Reason.SCHEME),
    Row("data in the URL", "data:application/octet-stream;base64,AAAA", Reason.SCHEME),
    Row("an archive in an archive", "jar:http://images.example/a.jar!/x", Reason.SCHEME),
    Row("this service's own location of a file", "filesystem:///var/lib/images/1", Reason.SCHEME),
    Row("a store's location", "rbd://cluster/pool/image/snap", Reason.SCHEME),
)

PORTS = (
    Row("a secure shell", "http://images.example:22/", Reason.PORT),
    Row("a database", "https://images.example:5432/", Reason.PORT),
    Row("the port of another scheme's server", "http://images.example:6379/", Reason.PORT),
)

NUMERIC = (
    Row("one decimal number", "http://2130706433/", Reason.NUMERIC),
    Row("one hexadecimal number", "http://0x7f000001/", Reason.NUMERIC),
    Row("one octal number", "http://017700000001/", Reason.NUMERIC),
    Row("two numbers", "http://127.1/", Reason.NUMERIC),
    Row("three numbers", "http://127.0.1/", Reason.NUMERIC),
    Row("an octal part", "http://0177.0.0.1/", Reason.NUMERIC),
    Row("a hexadecimal part", "http://0x7f.0.0.1/", Reason.NUMERIC),
    Row("zeros in front", "http://0000127.0.0.1/", Reason.NUMERIC),
    Row("a bare 0", "http://0/", Reason.NUMERIC),
    Row("a metadata service as a number", "http://2852039166/latest/meta-data/", Reason.NUMERIC),
    Row("a number that overflows to 127.0.0.1", "http://6425673729/", Reason.NUMERIC),
    Row("five numbers", "http://1.2.3.4.5/", Reason.NUMERIC),
    Row("a part beyond 255", "http://256.0.0.1/", Reason.NUMERIC),
)

ADDRESSES = (
    Row("this machine", "http://127.0.0.1/", Reason.LOOPBACK),
    Row("this machine, with the dot of a name", "http://127.0.0.1./", Reason.LOOPBACK),
    Row("this machine, elsewhere in 127/8", "http://127.8.9.10/", Reason.LOOPBACK),
    Row("this machine by name", "http://localhost/", Reason.LOOPBACK),
    Row("this machine by name, in capitals and with a dot", "HTTP://LOCALHOST./", Reason.LOOPBACK),
    Row("a name below localhost", "http://images.localhost/", Reason.LOOPBACK),
    Row("credentials that look like a host", "http://images.example@127.0.0.1/", Reason.LOOPBACK),
    Row("credentials that look like a host and port", "http://images.example:80@127.0.0.1/", Reason.LOOPBACK),
    Row("the unspecified address", "http://0.0.0.0/", Reason.UNSPECIFIED),
    Row("another one of this network", "http://0.1.2.3/", Reason.UNSPECIFIED),
    Row("a private network, 10/8", "http://10.0.0.5/", Reason.PRIVATE),
    Row("a private network, 172.16/12", "http://172.31.255.254/", Reason.PRIVATE),
    Row("a private network, 192.168/16", "http://192.168.1.1/", Reason.PRIVATE),
    Row("what providers share", "http://100.64.0.1/", Reason.SHARED),
    Row("link-local", "http://169.254.1.1/", Reason.LINK_LOCAL),
    Row("metadata of most clouds", "http://169.254.169.254/latest/meta-data/", Reason.METADATA),
    Row("credentials of containers", "http://169.254.170.2/v2/credentials", Reason.METADATA),
    Row("metadata at a provider's shared address", "http://100.100.100.200/", Reason.METADATA),
    Row("metadata at a public address", "http://168.63.129.16/", Reason.METADATA),
    Row("a multicast group", "http://224.0.0.1/", Reason.MULTICAST),
    Row("everybody", "http://255.255.255.255/", Reason.RESERVED),
    Row("an address for documentation", "http://192.0.2.1/", Reason.RESERVED),
    Row("an address for measurements", "http://198.18.0.1/", Reason.RESERVED),
    Row("the unspecified IPv6 address", "http://[::]/", Reason.UNSPECIFIED),
    Row("this machine in IPv6", "http://[::1]/", Reason.LOOPBACK),
    Row("this machine in IPv6, written long", "http://[0:0:0:0:0:0:0:1]/", Reason.LOOPBACK),
    Row("IPv4 mapped", "http://[::ffff:127.0.0.1]/", Reason.LOOPBACK),
    Row("the unspecified address mapped", "http://[::ffff:0.0.0.0]/", Reason.UNSPECIFIED),
    Row("metadata mapped", "http://[::ffff:a9fe:a9fe]/", Reason.METADATA),
    Row("IPv4 compatible", "http://[::127.0.0.1]/", Reason.LOOPBACK),
    Row("IPv4 translated (SIIT)", "http://[::ffff:0:127.0.0.1]/", Reason.LOOPBACK),
    Row("NAT64", "http://[64:ff9b::127.0.0.1]/", Reason.LOOPBACK),
    Row("NAT64 to metadata", "http://[64:ff9b::169.254.169.254]/", Reason.METADATA),
    Row("NAT64 of a local network", "http://[64:ff9b:1::1]/", Reason.PRIVATE),
    Row("6to4", "http://[2002:7f00:1::]/", Reason.LOOPBACK),
    Row("6to4 to a private network", "http://[2002:c0a8:101::1]/", Reason.PRIVATE),
    Row("Teredo", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", Reason.TUNNEL),
    Row("ISATAP", "http://[2600:9000::5efe:127.0.0.1]/", Reason.LOOPBACK),
    Row("unique local IPv6", "http://[fd12:3456::1]/", Reason.PRIVATE),
    Row("metadata at a local IPv6 address", "http://[fd00:ec2::254]/", Reason.METADATA),
    Row("link-local IPv6", "http://[fe80::1]/", Reason.LINK_LOCAL),
    Row("site-local IPv6", "http://[fec0::1]/", Reason.PRIVATE),
    Row("an IPv6 group", "http://[ff02::1]/", Reason.MULTICAST),
    Row("IPv6 for documentation", "http://[2001:db8::1]/", Reason.RESERVED),
    Row("IPv6 that nobody has been given", "http://[4000::1]/", Reason.RESERVED),
)

ANSWERS: dict[str, tuple[str, ...]] = {
    "images.example": (HERE,),
    "other.example": (HERE,),
    "self.example": ("127.0.0.1",),
    "v6self.example": ("::1",),
    "mapped.example": ("::ffff:127.0.0.1",),
    "nat64.example": ("64:ff9b::7f00:1",),
    "private.example": ("10.0.0.5",),
    "metadata.example": ("169.254.169.254",),
    "any.example": ("0.0.0.0",),  # noqa: S104 - an answer, not a place to listen
    "mixed.example": (HERE, "10.0.0.5"),
    "second.example": ("8.8.8.8", "::1"),
    "group.example": ("239.1.2.3",),
    "nothing.example": (),
    "nonsense.example": ("not an address",),
}
"""What the tests' name server says. `rebind.example` answers otherwise the second time, `silent.example` never."""

NAMES = (
    Row("a name for this machine", "http://self.example/", Reason.LOOPBACK),
    Row("a name for this machine in IPv6", "http://v6self.example/", Reason.LOOPBACK),
    Row("a name for a mapped address", "http://mapped.example/", Reason.LOOPBACK),
    Row("a name for an address behind NAT64", "http://nat64.example/", Reason.LOOPBACK),
    Row("a name for a private address", "http://private.example/", Reason.PRIVATE),
    Row("a name for a metadata service", "http://metadata.example/", Reason.METADATA),
    Row("a name for the unspecified address", "http://any.example/", Reason.UNSPECIFIED),
    Row("a name with a good address and a private one", "http://mixed.example/", Reason.PRIVATE),
    Row("a name with a public address and this machine", "http://second.example/", Reason.LOOPBACK),
    Row("a name for a group", "http://group.example/", Reason.MULTICAST),
    Row("a name without addresses", "http://nothing.example/", Reason.NAME),
    Row("a name that the name server does not know", "http://unknown.example/", Reason.NAME),
    Row("a name server that answers nonsense", "http://nonsense.example/", Reason.NAME),
)

SECTIONS = {
    "URLs that could be read in two ways": FORM,
    "Other schemes": SCHEMES,
    "Other ports": PORTS,
    "IPv4 addresses in disguise": NUMERIC,
    "Addresses": ADDRESSES,
    "Names": NAMES,
}
