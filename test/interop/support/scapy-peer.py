"""The other end of an ESP tunnel, by scapy: takes a dead gateway's place with its keys, pings through the tunnel, counts right answers.

usage: scapy-peer.py ESP_SA_TABLE OWN_OUTER PEER_OUTER OWN_INNER PEER_INNER COUNT esn|noesn

The table is Wireshark's, with one SA in each direction. Prints one JSON object.
"""
import csv
import json
import socket
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

NAT_T_PORT = 4500
ECHO_PORT = 7007
# Above all that the dead gateway has sent: what is not new would be taken for a replay.
FIRST_SEQUENCE_NUMBER = 1000

table, own_outer, peer_outer, own_inner, peer_inner, count, esn = sys.argv[1:]

with open(table, encoding="ascii") as file:
    rows = {row[1]: row for row in csv.reader(file)}


def association(source):
    _, src, dst, spi, _, key, *_ = rows[source]
    extended = {"esn_en": True, "esn": 0} if esn == "esn" else {}
    return SecurityAssociation(
        ESP, spi=int(spi, 16), crypt_algo="AES-GCM", crypt_key=bytes.fromhex(key[2:]), tunnel_header=IP(src=src, dst=dst), **extended
    )


outbound, inbound = association(own_outer), association(peer_outer)
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.bind((own_outer, NAT_T_PORT))
wire.settimeout(2)

right = 0
for i in range(int(count)):
    words = b"ping %d" % i
    ping = IP(src=own_inner, dst=peer_inner) / UDP(sport=40000, dport=ECHO_PORT) / Raw(words)
    sealed = outbound.encrypt(ping, seq_num=FIRST_SEQUENCE_NUMBER + i, iv=(FIRST_SEQUENCE_NUMBER + i).to_bytes(8, "big"))
    wire.sendto(bytes(sealed[ESP]), (peer_outer, NAT_T_PORT))
    while True:
        octets = wire.recv(65536)
        # Neither IKE (a zero marker) nor a keepalive (one octet): ESP.
        if len(octets) > 8 and octets[:4] != bytes(4):
            break
    opened = inbound.decrypt(IP(src=peer_outer, dst=own_outer, proto=50) / ESP(octets))
    if opened.src == peer_inner and opened.dst == own_inner and bytes(opened[UDP].payload) == words:
        right += 1

print(json.dumps({"sent": int(count), "right": right}))
