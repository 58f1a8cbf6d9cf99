"""Names of the ATT&CK techniques (Enterprise, v17) that detectors speak of."""

from collections.abc import Mapping
from typing import Final

TECHNIQUES: Final[Mapping[str, str]] = {
    "T1018": "Remote System Discovery",
    "T1020": "Automated Exfiltration",
    "T1021": "Remote Services",
    "T1029": "Scheduled Transfer",
    "T1030": "Data Transfer Size Limits",
    "T1041": "Exfiltration Over C2 Channel",
    "T1046": "Network Service Discovery",
    "T1048": "Exfiltration Over Alternative Protocol",
    "T1071": "Application Layer Protocol",
    "T1090": "Proxy",
    "T1095": "Non-Application Layer Protocol",
    "T1110": "Brute Force",
    "T1110.001": "Brute Force: Password Guessing",
    "T1110.003": "Brute Force: Password Spraying",
    "T1133": "External Remote Services",
    "T1190": "Exploit Public-Facing Application",
    "T1498": "Network Denial of Service",
    "T1498.001": "Network Denial of Service: Direct Network Flood",
    "T1498.002": "Network Denial of Service: Reflection Amplification",
    "T1499": "Endpoint Denial of Service",
    "T1499.001": "Endpoint Denial of Service: OS Exhaustion Flood",
    "T1499.002": "Endpoint Denial of Service: Service Exhaustion Flood",
    "T1557": "Adversary-in-the-Middle",
    "T1571": "Non-Standard Port",
    "T1572": "Protocol Tunneling",
    "T1573": "Encrypted Channel",
    "T1583": "Acquire Infrastructure",
    "T1590": "Gather Victim Network Information",
    "T1595": "Active Scanning",
    "T1595.001": "Active Scanning: Scanning IP Blocks",
    "T1595.002": "Active Scanning: Vulnerability Scanning",
}
