import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Batches, BoundedMap, DomainError } from '#libs/kernel';
import type { AgentPeer } from '../agents/index.js';
import { PeerVerifier } from '../pki/index.js';
import { isDatabaseAway } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';

/** How often it is asked whether those may still who are on a stream, in milliseconds. They are gone within 5 s. */
const WATCH_INTERVAL = 2_000;

/** Certificates whose signatures need not be checked again. */
const KNOWN = 20_000;

/** Certificates that are asked for together. */
const TOGETHER = 1_000;

/** Where a call comes from, and what it shows. */
export interface AgentConnection {
  /** The certificate of the agent, in DER. */
  certificate: Uint8Array;
  /** The address that it calls from. */
  sourceAddress: string | null;
}

/** A stream that is open. */
export interface LiveStream {
  peer: AgentPeer;
  end(error: DomainError): void;
}

/** Who calls. Signatures are checked once for each certificate; whether it is still good is asked of the inventory for each call, and again and again for streams. */
@Injectable()
export class Peers extends SweepService {
  readonly #known = new BoundedMap<string, AgentPeer>(KNOWN);
  readonly #live = new Set<LiveStream>();
  readonly #standing = new Batches<string, boolean>(
    TOGETHER,
    async (_all, ids) => {
      const standing = await this.verifier.standing(ids);
      return ids.map((id) => ({ result: standing.has(id) }));
    },
    isDatabaseAway,
  );

  constructor(private readonly verifier: PeerVerifier) {
    super(WATCH_INTERVAL);
  }

  /**
   * @throws DomainError `unauthenticated`, `malformed_request`
   */
  async identify({ certificate, sourceAddress }: AgentConnection): Promise<AgentPeer> {
    const fingerprint = fingerprintOf(certificate);
    const known = this.#known.get(fingerprint);
    if (known !== undefined && (await this.#standing.add('', known.certificateId))) return { ...known, sourceAddress };
    // It says why, too.
    this.#known.delete(fingerprint);
    const { identity, tenantId, row } = await this.verifier.identify(certificate, { kind: 'agent', purpose: 'clientAuth' });
    if (row.edgeSiteId == null) throw gone();
    const { agentId, site } = identity;
    const peer = { agentId, site, edgeSiteId: row.edgeSiteId, tenantId, certificateId: row.id, onboardingPackageId: row.onboardingPackageId ?? null, sourceAddress };
    this.#known.set(fingerprint, peer);
    return peer;
  }

  /** Ends the stream when its agent's certificate is good no more. @returns what is to be called when it has ended */
  watch(stream: LiveStream): () => void {
    this.#live.add(stream);
    return () => void this.#live.delete(stream);
  }

  /** Streams that are open. */
  get live(): number {
    return this.#live.size;
  }

  endAll(error: DomainError): void {
    for (const stream of [...this.#live]) stream.end(error);
  }

  async run(): Promise<void> {
    const streams = [...this.#live];
    if (streams.length === 0) return;
    const standing = await this.verifier.standing([...new Set(streams.map(({ peer }) => peer.certificateId))]);
    for (const stream of streams) if (!standing.has(stream.peer.certificateId)) stream.end(gone());
  }
}

/** Tells certificates apart. */
export const fingerprintOf = (certificate: Uint8Array): string => createHash('sha256').update(certificate).digest('base64');

const gone = () => new DomainError('unauthenticated', 'This certificate is good no more: it was revoked, or it is over.');
