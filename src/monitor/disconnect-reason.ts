/** What the hub says of a closed connection (nats-server, server/monitor.go, `ClosedState.String`), in few words for a label. */
const REASONS = {
  closed: ['Client Closed'],
  network: ['Read Error', 'Write Error', 'TLS Handshake Failure'],
  stale: ['Stale Connection'],
  slow: ['Slow Consumer (Pending Bytes)', 'Slow Consumer (Write Deadline)'],
  authentication: ['Authentication Timeout', 'Authentication Failure', 'Authentication Expired', 'Missing Account'],
  revoked: ['Credentials Revoked'],
  kicked: ['Kicked'],
  duplicate: ['Duplicate Remote LeafNode Connection', 'Duplicate Server Name', 'Duplicate Client ID'],
  server_shutdown: ['Server Shutdown'],
  limit: [
    'Maximum Account Connections Exceeded',
    'Maximum Connections Exceeded',
    'Maximum Message Payload Exceeded',
    'Maximum Control Line Exceeded',
    'Maximum Subscriptions Exceeded',
  ],
  protocol: ['Parse Error', 'Protocol Violation', 'Bad Client Protocol Version', 'Message Header Violation', 'Minimum Version Required', 'Incorrect Port'],
} as const satisfies Record<string, readonly string[]>;

const BY_TEXT = new Map(Object.entries(REASONS).flatMap(([label, texts]) => texts.map((text) => [text as string, label])));

/** One of few words, whatever a hub says: a further version of it may know further reasons. */
export const labelOfReason = (reason: string | null): string => (reason === null ? 'none' : (BY_TEXT.get(reason) ?? 'other'));
