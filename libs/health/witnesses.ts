/** What is known of a site, and by whom. All times are the platform's own, none is of a clock at the site. */
export interface Witnesses {
  /** When the site was created. */
  createdAt: Date;
  hub: HubWitness;
  credentials: CredentialsWitness;
  /** Since when what the site reports to run is not what it should run; null when it is, or has reported nothing. */
  driftedSince: Date | null;
  /** Null when no agent has ever come from the site. */
  agent: AgentWitness | null;
  /** Milliseconds after which an agent that says nothing is silent: three heartbeats. What it said of its leaf is as good for as long. */
  agentSilence: number;
}

/** What the hub sees of the leaf. */
export interface HubWitness {
  /** Whether it sees a link of the leaf now. */
  linked: boolean;
  /** When it last began to see one; null when it never has. */
  connectedAt: Date | null;
  /** When it last ceased to. */
  disconnectedAt: Date | null;
  /** Why, in the hub's words (nats-server, `ClosedState.String()`); null when it did not say. */
  disconnectReason: string | null;
}

/** Of what the leaf connects with. */
export interface CredentialsWitness {
  /** When the first of its certificates ends, and its NATS user. */
  expiresAt: Date | null;
  /** When its NATS user was revoked. */
  revokedAt: Date | null;
}

/** Of the site's agents, the one that has spoken last. */
export interface AgentWitness {
  firstSeenAt: Date;
  lastSeenAt: Date;
  /** What an agent of the site said last about the leaf; null when none has yet. */
  leaf: LeafWord | null;
}

export interface LeafWord {
  /** Whether the leaf answers, and says that it is well. */
  available: boolean;
  /** Since when that, and whether it is connected upstream, has been so. */
  changedAt: Date;
  /** Whether it is connected upstream; null when the agent could not find out. */
  upstreamConnected: boolean | null;
  reportedAt: Date;
}
