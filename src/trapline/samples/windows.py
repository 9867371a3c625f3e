"""Three working days of a small Windows domain, made from a seed: logons, processes, connections, services, scripts.

What is benign is meant to be near the target without touching it: service installs on every machine, remote logons by
administrators, tools started by services. Exactly one service is RemCom's.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from trapline.samples.event import Event, Kind

DOMAIN = "corp.example"
START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAYS = 3
HOUR = 3_600_000_000
"""Microseconds."""
SECOND = 1_000_000

_SCM = ("Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}")
_AUDIT = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-a5ba-3e3b0328c30d}")
_SYSMON = ("Microsoft-Windows-Sysmon", "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}")
_SHELL = ("Microsoft-Windows-PowerShell", "{a0c1853b-5c40-4b15-8766-3cf1c58f985a}")
_SYSMON_CHANNEL = "Microsoft-Windows-Sysmon/Operational"


def _service(number: int) -> Kind:
    return Kind("System", *_SCM, number, 0, 4, 0, 0, "0x8080000000000000", 708, qualifiers=16384)


def _security(number: int, version: int, task: int) -> Kind:
    return Kind("Security", *_AUDIT, number, version, 0, task, 0, "0x8020000000000000", 724)


def _sysmon(number: int, version: int) -> Kind:
    return Kind(_SYSMON_CHANNEL, *_SYSMON, number, version, 4, number, 0, "0x8000000000000000", 3120)


SERVICE_STATE = _service(7036)
SERVICE_START_TYPE = _service(7040)
SERVICE_INSTALL = _service(7045)
LOGON = _security(4624, 2, 12544)
PRIVILEGES = _security(4672, 0, 12548)
PROCESS = _security(4688, 2, 13312)
SYSMON_PROCESS = _sysmon(1, 5)
SYSMON_CONNECTION = _sysmon(3, 5)
SYSMON_FILE = _sysmon(11, 2)
SCRIPT = Kind("Microsoft-Windows-PowerShell/Operational", *_SHELL, 4104, 1, 5, 2, 15, "0x0", 5336)


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    address: str
    users: tuple[str, ...]
    """Who works on it, by account name."""
    server: bool = False

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{DOMAIN}"


DC01 = Host("DC01", "192.0.2.10", ("adm-01",), server=True)
FS02 = Host("FS02", "192.0.2.22", ("adm-01", "svc-backup"), server=True)
SQL03 = Host("SQL03", "192.0.2.33", ("svc-sql",), server=True)
WS101 = Host("WS-101", "192.0.2.101", ("user01",))
WS102 = Host("WS-102", "192.0.2.102", ("user02",))
WS103 = Host("WS-103", "192.0.2.103", ("user03",))
HOSTS = (DC01, FS02, SQL03, WS101, WS102, WS103)

_ACCOUNTS = ("adm-01", "svc-backup", "svc-sql", "user01", "user02", "user03")
_SYSTEM_SID = "S-1-5-18"


def sid(account: str) -> str:
    return f"S-1-5-21-1004336348-1177238915-682003330-{1101 + _ACCOUNTS.index(account)}"


# display name, service name: what comes and goes on any Windows machine all day
_SERVICES = (
    ("Windows Update", "wuauserv"),
    ("Background Intelligent Transfer Service", "BITS"),
    ("Windows Modules Installer", "TrustedInstaller"),
    ("Software Protection", "sppsvc"),
    ("Remote Access Connection Manager", "RasMan"),
    ("Remote Registry", "RemoteRegistry"),
    ("Remote Desktop Services", "TermService"),
    ("COM+ System Application", "COMSysApp"),
    ("Windows Time", "W32Time"),
    ("Windows Remote Management (WS-Management)", "WinRM"),
    ("Print Spooler", "Spooler"),
    ("Device Setup Manager", "DsmSvc"),
    ("Application Experience", "AeLookupSvc"),
    ("WMI Performance Adapter", "wmiApSrv"),
)

# service name, image, type, start type, account: installs as updates and agents bring them
_INSTALLS = (
    ("Sysmon64", r"C:\Windows\Sysmon64.exe", "user mode service", "auto start", "LocalSystem"),
    ("SysmonDrv", "SysmonDrv.sys", "kernel mode driver", "boot start", ""),
    (
        "Inventory Agent",
        r'"C:\Program Files\Inventory\agent.exe" --service',
        "user mode service",
        "auto start",
        "LocalSystem",
    ),
    ("Backup Agent", r'"C:\Program Files\Backup\bkagent.exe"', "user mode service", "auto start", "LocalSystem"),
    (
        "Remote Support Service",
        r'"C:\Program Files\Support\rsupport.exe" /svc',
        "user mode service",
        "demand start",
        "LocalSystem",
    ),
    (
        "Printer Extensions and Notifications",
        r"%SystemRoot%\system32\svchost.exe -k print",
        "user mode service",
        "demand start",
        "LocalSystem",
    ),
    (
        "Commander RemoteApp Helper",
        r'"C:\Program Files\RemoteApp\helper.exe"',
        "user mode service",
        "demand start",
        r"NT AUTHORITY\LocalService",
    ),
)


@dataclass(frozen=True, slots=True)
class Program:
    image: str
    command: str
    parent: str
    description: str


_EXPLORER = r"C:\Windows\explorer.exe"
_SVCHOST = r"C:\Windows\System32\svchost.exe"
_SCM_IMAGE = r"C:\Windows\System32\services.exe"
_CMD = r"C:\Windows\System32\cmd.exe"
_POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
_BROWSER = r"C:\Program Files\Browser\browser.exe"
_MAIL = r"C:\Program Files\Office\mail.exe"
_BACKUP = r"C:\Program Files\Backup\bkagent.exe"

_DESKTOP = (
    Program(_BROWSER, f'"{_BROWSER}" --type=renderer', _BROWSER, "Browser"),
    Program(_BROWSER, f'"{_BROWSER}" https://intranet.corp.example/', _EXPLORER, "Browser"),
    Program(_MAIL, f'"{_MAIL}"', _EXPLORER, "Mail"),
    Program(
        r"C:\Program Files\Office\sheet.exe",
        r'"C:\Program Files\Office\sheet.exe" "Q1 <draft> & plan.xls"',
        _EXPLORER,
        "Spreadsheet",
    ),
    Program(r"C:\Windows\System32\notepad.exe", r"notepad.exe C:\Users\Public\notes.txt", _EXPLORER, "Notepad"),
    Program(r"C:\Windows\System32\mmc.exe", r"mmc.exe services.msc", _EXPLORER, "Microsoft Management Console"),
    Program(
        r"C:\Windows\System32\backgroundTaskHost.exe",
        "backgroundTaskHost.exe -ServerName:App",
        _SVCHOST,
        "Background Task Host",
    ),
)
_SERVER = (
    Program(_SVCHOST, "svchost.exe -k netsvcs -p -s Schedule", _SCM_IMAGE, "Host Process for Windows Services"),
    Program(_SVCHOST, "svchost.exe -k LocalService", _SCM_IMAGE, "Host Process for Windows Services"),
    Program(r"C:\Windows\System32\taskhostw.exe", "taskhostw.exe", _SVCHOST, "Host Process for Windows Tasks"),
    Program(
        r"C:\Windows\System32\wbem\WmiPrvSE.exe", "wmiprvse.exe -secured -Embedding", _SVCHOST, "WMI Provider Host"
    ),
    Program(_BACKUP, f'"{_BACKUP}" --run nightly', _SCM_IMAGE, "Backup Agent"),
    Program(
        r"C:\Windows\System32\conhost.exe",
        r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1",
        _BACKUP,
        "Console Window Host",
    ),
)

_SCRIPTS = (
    "Get-Service | Where-Object { $_.Status -eq 'Stopped' } | Select-Object Name, StartType",
    "Get-ChildItem -Path 'D:\\Shares' -Recurse |\n    Measure-Object -Property Length -Sum",
    "function Get-DiskReport {\n    param([string]$Drive = 'C:')\n    Get-PSDrive -Name $Drive.TrimEnd(':')\n}",
    "Test-Connection -ComputerName FS02 -Count 1 -Quiet",
    'if ((Get-Date).Hour -lt 6) { Write-Output "backup window <open> & running" }',
    "prompt",
)

_PRIVILEGES = (
    "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeRestorePrivilege\n\t\t\tSeTakeOwnershipPrivilege\n"
    "\t\t\tSeDebugPrivilege\n\t\t\tSeSystemEnvironmentPrivilege\n\t\t\tSeLoadDriverPrivilege\n"
    "\t\t\tSeImpersonatePrivilege"
)

REMCOM_SERVICE = "RemCom Service"
REMCOM_TIME = START.replace(day=4, hour=14, minute=32, second=11, microsecond=508_213)
REMCOM_HOST = FS02
REMCOM_FROM = WS102


class Domain:
    """Makes the events. One generator of random numbers, used in a fixed order, makes the same events for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable sample data, nothing secret
        self._start = int(START.timestamp()) * SECOND

    def events(self) -> Iterator[Event]:
        """All events of all hosts, not in order."""
        for host in HOSTS:
            yield from self._installs(host)
            for day in range(DAYS):
                at = self._start + day * 24 * HOUR
                yield from self._services(host, at)
                if host is not SQL03:
                    yield from self._server_day(host, at) if host.server else self._desktop_day(host, at)
        yield from self._remcom()

    # -- what a day holds

    def _services(self, host: Host, at: int) -> Iterator[Event]:
        for _ in range(34 if host.server else 18):
            display, name = self._random.choice(_SERVICES)
            start = at + self._random.randrange(24 * HOUR)
            yield self.state(start, host, display, name, running=True)
            yield self.state(start + self._random.randrange(20, 1800) * SECOND, host, display, name, running=False)
        for _ in range(3):
            modes = ["demand start", "auto start"]
            self._random.shuffle(modes)
            yield self._event(
                at + self._random.randrange(24 * HOUR),
                host,
                SERVICE_START_TYPE,
                param1="Background Intelligent Transfer Service",
                param2=modes[0],
                param3=modes[1],
                param4="BITS",
                user_sid=_SYSTEM_SID,
            )

    def _installs(self, host: Host) -> Iterator[Event]:
        for service in self._random.sample(_INSTALLS, 3 if host.server else 2):
            at = self._start + self._random.randrange(DAYS * 24) * HOUR + self._random.randrange(HOUR)
            yield self.install(at, host, *service, user_sid=_SYSTEM_SID)

    def _server_day(self, host: Host, at: int) -> Iterator[Event]:
        for _ in range(125 if host is DC01 else 95):
            source = self._random.choice((WS101, WS102, WS103))
            user = self._random.choice((*source.users, *host.users))
            yield from self.logon(self._working(at), host, user, source)
        for _ in range(30):
            when = at + self._random.randrange(24 * HOUR)
            program = self._random.choice(_SERVER)
            yield from self.process(when, host, program, r"NT AUTHORITY\SYSTEM", both=self._random.random() < 0.4)
        for _ in range(6):
            yield self.script(
                at + self._random.randrange(24 * HOUR), host, host.users[0], self._random.choice(_SCRIPTS)
            )
        for number in range(12):
            yield self.file(
                at + 2 * HOUR + number * 95 * SECOND,
                host,
                _BACKUP,
                rf"D:\Backup\{number:03}.bkf",
                r"NT AUTHORITY\SYSTEM",
            )

    def _desktop_day(self, host: Host, at: int) -> Iterator[Event]:
        user = host.users[0]
        morning = at + 7 * HOUR + self._random.randrange(HOUR)
        yield from self.logon(morning, host, user, host, kind="2")
        for _ in range(5):
            yield from self.logon(self._working(at), host, user, host, kind="7")
        for _ in range(74):
            yield from self.process(
                self._working(at),
                host,
                self._random.choice(_DESKTOP),
                f"CORP\\{user}",
                both=self._random.random() < 0.3,
            )
        for _ in range(58):
            image, port, target = self._random.choice(
                ((_BROWSER, 443, ""), (_BROWSER, 443, ""), (_MAIL, 993, "mail"), ("System", 445, "FS02"))
            )
            address = FS02.address if target == "FS02" else f"198.51.100.{self._random.randrange(10, 240)}"
            yield self.connection(
                self._working(at), host, image, user, address, f"{target}.{DOMAIN}" if target else "-", port
            )
        for number in range(20):
            name = rf"C:\Users\{user}\AppData\Local\Temp\{self._random.getrandbits(32):08x}-{number}.tmp"
            yield self.file(self._working(at), host, self._random.choice((_BROWSER, _MAIL)), name, f"CORP\\{user}")
        for _ in range(7):
            yield self.script(self._working(at), host, user, self._random.choice(_SCRIPTS))

    def _working(self, at: int) -> int:
        """A moment between 7 and 18 o'clock of the day that starts at `at`, mostly around noon."""
        hours = min(18.0, max(7.0, self._random.gauss(12.5, 2.6)))
        return at + int(hours * HOUR) + self._random.randrange(600 * SECOND)

    # -- the one thing to be found

    def _remcom(self) -> Iterator[Event]:
        """RemCom.exe on a workstation starts a shell on the file server by way of a service that it installs there."""
        at = int(REMCOM_TIME.timestamp()) * SECOND + REMCOM_TIME.microsecond
        target, origin, admin = REMCOM_HOST, REMCOM_FROM, "adm-01"
        image = r"C:\Windows\RemComSvc.exe"
        client = r"C:\Users\user02\Downloads\RemCom.exe"
        start = Program(client, rf"RemCom.exe \\{target.name} cmd.exe", _CMD, "-")
        yield from self.process(at - 4 * SECOND, origin, start, f"CORP\\{admin}", both=True)
        yield self.connection(at - 3 * SECOND, origin, "System", admin, target.address, target.fqdn, 445)
        yield from self.logon(at - 3 * SECOND + 41_700, target, admin, origin)
        yield self.file(at - 2 * SECOND, target, "System", image, r"NT AUTHORITY\SYSTEM")
        yield self.install(
            at,
            target,
            REMCOM_SERVICE,
            r"%SystemRoot%\RemComSvc.exe",
            "user mode service",
            "demand start",
            "LocalSystem",
            user_sid=sid(admin),
        )
        service = Program(image, image, _SCM_IMAGE, "-")
        yield from self.process(at + 220_000, target, service, r"NT AUTHORITY\SYSTEM", both=True)
        yield self.state(at + 310_000, target, REMCOM_SERVICE, "RemComSvc", running=True)
        shell = Program(_CMD, "cmd.exe", image, "Windows Command Processor")
        yield from self.process(at + 2 * SECOND, target, shell, r"NT AUTHORITY\SYSTEM", both=True)
        whoami = Program(
            r"C:\Windows\System32\whoami.exe", "whoami", _CMD, "whoami - displays logged on user information"
        )
        yield from self.process(at + 9 * SECOND, target, whoami, r"NT AUTHORITY\SYSTEM", both=True)
        yield self.state(at + 372 * SECOND, target, REMCOM_SERVICE, "RemComSvc", running=False)

    # -- single events

    def state(self, at: int, host: Host, display: str, name: str, *, running: bool) -> Event:
        code = f"{name}/{'4' if running else '1'}".encode("utf-16-le").hex().upper() + "0000"
        return self._event(
            at, host, SERVICE_STATE, param1=display, param2="running" if running else "stopped", binary=code
        )

    def install(
        self, at: int, host: Host, name: str, image: str, kind: str, start: str, account: str, *, user_sid: str
    ) -> Event:
        return self._event(
            at,
            host,
            SERVICE_INSTALL,
            ServiceName=name,
            ImagePath=image,
            ServiceType=kind,
            StartType=start,
            AccountName=account,
            user_sid=user_sid,
        )

    def logon(self, at: int, host: Host, user: str, source: Host, *, kind: str = "3") -> Iterator[Event]:
        """4624, and 4672 behind it when the account is an administrator's."""
        session = f"0x{self._random.randrange(0x100000, 0xFFFFFFF):x}"
        remote = kind == "3"
        yield self._event(
            at,
            host,
            LOGON,
            SubjectUserSid="S-1-0-0" if remote else _SYSTEM_SID,
            SubjectUserName="-" if remote else f"{host.name}$",
            SubjectDomainName="-" if remote else "CORP",
            SubjectLogonId="0x0" if remote else "0x3e7",
            TargetUserSid=sid(user),
            TargetUserName=user,
            TargetDomainName="CORP",
            TargetLogonId=session,
            LogonType=kind,
            LogonProcessName="Kerberos" if remote else "User32",
            AuthenticationPackageName="Kerberos" if remote else "Negotiate",
            WorkstationName="-" if remote else host.name,
            LogonGuid=self._guid(),
            TransmittedServices="-",
            LmPackageName="-",
            KeyLength="0",
            ProcessId="0x0" if remote else "0x4f8",
            ProcessName="-" if remote else _SVCHOST,
            IpAddress=source.address if remote else "127.0.0.1",
            IpPort=str(self._random.randrange(49152, 65535)) if remote else "0",
            ImpersonationLevel="%%1833",
            RestrictedAdminMode="-",
            TargetOutboundUserName="-",
            TargetOutboundDomainName="-",
            VirtualAccount="%%1843",
            TargetLinkedLogonId="0x0",
            ElevatedToken="%%1842" if user.startswith("adm") else "%%1843",
        )
        if user.startswith("adm"):
            yield self._event(
                at + 180,
                host,
                PRIVILEGES,
                SubjectUserSid=sid(user),
                SubjectUserName=user,
                SubjectDomainName="CORP",
                SubjectLogonId=session,
                PrivilegeList=_PRIVILEGES,
            )

    def process(self, at: int, host: Host, program: Program, user: str, *, both: bool) -> Iterator[Event]:
        """Sysmon 1, and with `both` the 4688 of the same start."""
        pid, parent = self._random.randrange(1000, 12000, 4), self._random.randrange(500, 9000, 4)
        system = user.endswith("SYSTEM")
        level = "System" if system else "Medium"
        name = program.image.rpartition("\\")[2]
        yield self._event(
            at,
            host,
            SYSMON_PROCESS,
            user_sid=_SYSTEM_SID,
            RuleName="-",
            UtcTime=_utc(at),
            ProcessGuid=self._guid(),
            ProcessId=str(pid),
            Image=program.image,
            FileVersion="-",
            Description=program.description,
            Product="-",
            Company="-",
            OriginalFileName=name,
            CommandLine=program.command,
            CurrentDirectory="C:\\Windows\\system32\\" if system else "C:\\Users\\",
            User=user,
            LogonGuid=self._guid(),
            LogonId="0x3e7" if system else "0x51b2f",
            TerminalSessionId="0" if system else "1",
            IntegrityLevel=level,
            Hashes=f"SHA256={hashlib.sha256(program.image.encode()).hexdigest().upper()}",
            ParentProcessGuid=self._guid(),
            ParentProcessId=str(parent),
            ParentImage=program.parent,
            ParentCommandLine=program.parent,
            ParentUser=user,
        )
        if both:
            account = f"{host.name}$" if system else user.rpartition("\\")[2]
            yield self._event(
                at + 900,
                host,
                PROCESS,
                SubjectUserSid=_SYSTEM_SID if system else sid(account),
                SubjectUserName=account,
                SubjectDomainName="CORP",
                SubjectLogonId="0x3e7" if system else "0x51b2f",
                NewProcessId=hex(pid),
                NewProcessName=program.image,
                TokenElevationType="%%1936",
                ProcessId=hex(parent),
                CommandLine=program.command,
                TargetUserSid="S-1-0-0",
                TargetUserName="-",
                TargetDomainName="-",
                TargetLogonId="0x0",
                ParentProcessName=program.parent,
                MandatoryLabel="S-1-16-16384" if system else "S-1-16-8192",
            )

    def connection(self, at: int, host: Host, image: str, user: str, address: str, name: str, port: int) -> Event:
        return self._event(
            at,
            host,
            SYSMON_CONNECTION,
            user_sid=_SYSTEM_SID,
            RuleName="-",
            UtcTime=_utc(at),
            ProcessGuid=self._guid(),
            ProcessId=str(self._random.randrange(1000, 12000, 4)),
            Image=image,
            User=f"CORP\\{user}",
            Protocol="tcp",
            Initiated="true",
            SourceIsIpv6="false",
            SourceIp=host.address,
            SourceHostname=host.fqdn,
            SourcePort=str(self._random.randrange(49152, 65535)),
            SourcePortName="-",
            DestinationIsIpv6="false",
            DestinationIp=address,
            DestinationHostname=name,
            DestinationPort=str(port),
            DestinationPortName="-",
        )

    def file(self, at: int, host: Host, image: str, target: str, user: str) -> Event:
        return self._event(
            at,
            host,
            SYSMON_FILE,
            user_sid=_SYSTEM_SID,
            RuleName="-",
            UtcTime=_utc(at),
            ProcessGuid=self._guid(),
            ProcessId=str(self._random.randrange(1000, 12000, 4)),
            Image=image,
            TargetFilename=target,
            CreationUtcTime=_utc(at),
            User=user,
        )

    def script(self, at: int, host: Host, user: str, text: str) -> Event:
        return self._event(
            at,
            host,
            SCRIPT,
            user_sid=sid(user),
            MessageNumber="1",
            MessageTotal="1",
            ScriptBlockText=text,
            ScriptBlockId=self._guid()[1:-1].lower(),
            Path="",
        )

    def _event(
        self, at: int, host: Host, kind: Kind, *, user_sid: str | None = None, binary: str = "", **data: str
    ) -> Event:
        thread = self._random.randrange(300, 9000, 4)
        return Event(at, host.fqdn, kind, tuple(data.items()), user_sid, thread, binary=binary)

    def _guid(self) -> str:
        text = f"{self._random.getrandbits(128):032X}"
        return f"{{{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}}}"


def _utc(at: int) -> str:
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at % SECOND // 1000:03d}"
