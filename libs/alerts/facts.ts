/** What is on record of a leaf, as far as alerts care. */
export interface LeafFacts {
  /** Whether the hub has a link of it. */
  linked: boolean;
  connectedAt: Date | null;
  disconnectedAt: Date | null;
  /** Why it went, in the hub's words. */
  disconnectReason: string | null;
  provisionedAt: Date | null;
  /** When the first certificate ends of those that the site has. */
  certExpiresAt: Date | null;
  driftedSince: Date | null;
  /** When its buffer has no room any more for what the hub has not got; null when that will not be, or is not known. */
  bufferFullAt: Date | null;
}

/** A check of an agent's that fails. */
export interface FailingCheck {
  name: string;
  since: Date;
}

export interface AgentFacts {
  /** The component's own id. */
  name: string;
  lastSeenAt: Date;
  failing: readonly FailingCheck[];
}

/** A site as alerts see it. */
export interface SiteFacts {
  id: string;
  name: string;
  slug: string;
  labels: Readonly<Record<string, string>>;
  leaf: LeafFacts;
  agents: readonly AgentFacts[];
  /**
   * Of a leaf without a link: since when it has had none that lasted, by how many seconds a link must last. Where there is nothing, its last link
   * lasted.
   */
  unsteadySince: ReadonlyMap<number, Date>;
}
