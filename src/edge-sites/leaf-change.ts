import type { LeafLink } from '#libs/model';

/** Whose link it is. */
export interface LeafIdentity {
  tenantId: string;
  edgeSiteId: string;
}

export interface PresentLeaf extends LeafIdentity, LeafLink {
  /** The generation is a guess: the hub lists links without their users, and more than one generation may connect. */
  guessed?: boolean;
}

export interface LeafConnected extends PresentLeaf {
  type: 'connected';
}

export interface LeafDisconnected extends LeafIdentity {
  type: 'disconnected';
  linkId: string;
  at: Date;
  /** In the hub's words; null when it did not say. */
  reason: string | null;
}

/** A link of a leaf that has begun or ended. */
export type LeafChange = LeafConnected | LeafDisconnected;
