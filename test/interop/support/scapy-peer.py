"""The other end of an ESP tunnel, by scapy: takes a dead gateway's place with its keys, pings through the tunnel, counts right answers.

usage: scapy-peer.py ESP_SA_TABLE OWN_OUTER PEER_OUTER OWN_INNER PEER_INNER COUNT esn|noesn SENT RECEIVED

Where the inner addresses are the outer ones, ESP is in transport mode.
The table is Wireshark's, with one SA in each direction. SENT and RECEIVED say what ESP goes in: udp or raw.
Prints one JSON object.
"""
import csv
import json
import os
import socket
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

# scapy's names by those of Wireshark, without the RFC behind them.
CIPHERS = {"AES-GCM with 16 octet ICV": "AES-GCM", "AES-CBC": "AES-CBC", "AES-CTR": "AES-CTR"}
MACS = {
    "NULL": "NULL",
    "HMAC-SHA-1-96": "HMAC-SHA1-96",
    "HMAC-SHA-256-128": "SHA2-256-128",
    "HMAC-SHA-384-192": "SHA2-384-192",
    "HMAC-SHA-512-256": "SHA2-512-256",
}
NAT_T_PORT = 4500
ECHO_PORT = 7007
# Above all that the dead gateway has sent: what is not new would be taken for a replay.
FIRST_SEQUENCE_NUMBER = 1000

table, own_outer, peer_outer, own_inner, peer_inner, count, esn, sent, received = sys.argv[1:]

with open(table, encoding="ascii") as file:
    rows = {row[1]: row for row in csv.reader(file)}


def association(source):
    _, src, dst, spi, cipher, key, mac, mac_key = rows[source]
    extended = {"esn_en": True, "esn": 0} if esn == "esn" else {}
    return SecurityAssociation(
        ESP,
        spi=int(spi, 16),
        crypt_algo=CIPHERS[cipher.split(" [")[0]],
        crypt_key=bytes.fromhex(key[2:]),
        auth_algo=MACS[mac.split(" [")[0]],
        auth_key=bytes.fromhex(mac_key[2:]),
        tunnel_header=None if own_inner == own_outer else IP(src=src, dst=dst),
        **extended,
    )


def fresh_iv(sequence):
    """Random for AES-CBC, else the sequence number."""
    return os.urandom(16) if outbound.crypt_algo.name == "AES-CBC" else sequence.to_bytes(8, "big")


def wire(encapsulation):
    raw = encapsulation == "raw"
    end = socket.socket(socket.AF_INET, *((socket.SOCK_RAW, socket.IPPROTO_ESP) if raw else (socket.SOCK_DGRAM,)))
    end.bind((own_outer, 0 if raw else NAT_T_PORT))
    end.settimeout(2)
    return end


outbound, inbound = association(own_outer), association(peer_outer)
wires = {encapsulation: wire(encapsulation) for encapsulation in {sent, received}}

right = 0
for i in range(int(count)):
    words = b"ping %d" % i
    ping = IP(src=own_inner, dst=peer_inner) / UDP(sport=40000, dport=ECHO_PORT) / Raw(words)
    sealed = outbound.encrypt(ping, seq_num=FIRST_SEQUENCE_NUMBER + i, iv=fresh_iv(FIRST_SEQUENCE_NUMBER + i))
    wires[sent].sendto(bytes(sealed[ESP]), (peer_outer, 0 if sent == "raw" else NAT_T_PORT))
    while True:
        octets = wires[received].recv(65536)
        if received == "raw":  # such a socket gets the IP header too
            octets = octets[(octets[0] & 15) * 4 :]
        # Neither IKE (a zero marker) nor a keepalive (one octet): ESP.
        if len(octets) > 8 and octets[:4] != bytes(4):
            break
    opened = inbound.decrypt(IP(src=peer_outer, dst=own_outer, proto=50) / ESP(octets))
    if opened.src == peer_inner and opened.dst == own_inner and bytes(opened[UDP].payload) == words:
        right += 1

print(json.dumps({"sent": int(count), "right": right}))
