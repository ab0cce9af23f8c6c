import { systemdText } from './quote.js';

/**
 * The systemd unit of a leaf: user `nats`, nothing writable but its data.
 * @param listenPort below 1024, it gets the capability to listen there
 */
export function renderServiceUnit({ siteName, listenPort }: { siteName: string; listenPort: number }): string {
  const capabilities = listenPort < 1024 ? 'CAP_NET_BIND_SERVICE' : '';
  return `[Unit]
Description=NATS leaf of the edge site ${systemdText(siteName)}
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=simple
User=nats
Group=nats
ExecStart=/usr/sbin/nats-server -c /etc/nats/nats-leaf.conf
ExecReload=/bin/kill -HUP $MAINPID
# Stops at once. Lame duck mode (SIGUSR2) sends clients to other servers of a cluster; a leaf is alone, and would refuse its clients
# for 5 s and more (nats-server 2.15.1). SIGTERM would end with status 1 on 2.10.
KillSignal=SIGINT
TimeoutStopSec=30
Restart=always
RestartSec=2
# JetStream keeps two files open per stream.
LimitNOFILE=65536
StateDirectory=nats
StateDirectoryMode=0750
RuntimeDirectory=nats
RuntimeDirectoryMode=0750
UMask=0077

CapabilityBoundingSet=${capabilities}
AmbientCapabilities=${capabilities}
NoNewPrivileges=true
ProtectSystem=strict
ReadWritePaths=/var/lib/nats
ReadOnlyPaths=/etc/nats
ProtectHome=true
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
RemoveIPC=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
MemoryDenyWriteExecute=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}
