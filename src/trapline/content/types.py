"""The types that detections give to what they name (facts/CONTENT.md §1.3-1.5)."""

from __future__ import annotations

from collections.abc import Mapping

from trapline.content.model import Generation

RISK_TYPES = ("user", "system", "other")
"""Of risk objects."""

_S2 = (
    "certificate_common_name",
    "certificate_organization",
    "certificate_serial",
    "certificate_unit",
    "command",
    "domain",
    "email_address",
    "email_subject",
    "file_hash",
    "file_name",
    "file_path",
    "http_user_agent",
    "ip_address",
    "process",
    "process_name",
    "parent_process",
    "parent_process_name",
    "process_hash",
    "registry_path",
    "registry_value_name",
    "registry_value_text",
    "service",
    "signature",
    "system",
    "tls_hash",
    "url",
)

THREAT_TYPES: Mapping[Generation, tuple[str, ...]] = {
    Generation.S2: _S2,
    Generation.S3: (
        *_S2,
        "bucket_name",
        "dns_query",
        "loaded_file",
        "parent_process_path",
        "pipe_name",
        "process_path",
        "registry_key_name",
        "registry_value_data",
        "uri",
        "user",
    ),
}
"""Of threat objects; S1 has observables instead."""

OBSERVABLE_TYPES = (
    "Unknown",
    "Hostname",
    "IP Address",
    "MAC Address",
    "User Name",
    "Email Address",
    "URL String",
    "File Name",
    "File Hash",
    "Process Name",
    "Resource UID",
    "Endpoint",
    "User",
    "Email",
    "Uniform Resource Locator",
    "File",
    "Process",
    "Geo Location",
    "Container",
    "Registry Key",
    "Registry Value",
    "Other",
)
"""Of observables (S1)."""
