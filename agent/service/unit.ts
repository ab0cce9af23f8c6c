/**
 * What the agent is started with, so that it is content with little memory (agent/README.md, "Memory"). The heap of a running agent has 8 MB.
 */
export const NODE_FLAGS = ['--max-old-space-size=32', '--max-semi-space-size=1', '--v8-pool-size=1', '--optimize-for-size'];

export const SERVICE_USER = 'serviceradar-agent';

export interface UnitTerms {
  /** Program and arguments before `run`; absolute. */
  command: readonly string[];
  /** Where the agent has enrolled. */
  directory: string;
  /** Groups of this machine that the agent is to be in: `nats` may read what the leaf runs with. */
  groups: readonly string[];
}

/** The systemd unit of the agent: a user of its own, nothing writable but its own directory, no right to anything that the leaf's keys are. */
export function renderUnit({ command, directory, groups }: UnitTerms): string {
  const start = [...command, 'run', '--config', directory].map(quoted).join(' ');
  return `[Unit]
Description=ServiceRadar agent of this edge site
Wants=network-online.target
After=network-online.target nats-leaf.service
StartLimitIntervalSec=0

[Service]
Type=simple
User=${SERVICE_USER}
Group=${SERVICE_USER}
${groups.length === 0 ? '' : `SupplementaryGroups=${groups.join(' ')}\n`}ExecStart=${start}
# What it says last, it says within 3 s.
TimeoutStopSec=10
Restart=always
RestartSec=5
Environment=UV_THREADPOOL_SIZE=2
MemoryHigh=96M
MemoryMax=128M
UMask=0077

# ping does without: it uses datagram sockets (net.ipv4.ping_group_range).
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=true
ProtectSystem=strict
ReadWritePaths=${quoted(directory)}
InaccessiblePaths=-/etc/nats/certs -/etc/nats/creds
ProtectHome=true
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
# It looks for processes of others by their names.
ProtectProc=default
RemoveIPC=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
# No MemoryDenyWriteExecute: V8 compiles.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

/** A word of a unit's command line (systemd.syntax(7), "Quoting"; systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers"). */
const quoted = (word: string): string => {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
};
