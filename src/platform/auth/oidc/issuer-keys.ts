import { Logger } from '@nestjs/common';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { type Clock, DomainError } from '#libs/kernel';
import { isSecureUrl } from '../../validation/index.js';

/** Milliseconds after which keys are asked for again: so long does a key work that the issuer has taken back. */
const FRESH_FOR = 600_000;

/** How long keys go on that cannot be asked for again, in milliseconds. */
const KEPT_FOR = 86_400_000;

/** From the end of one question to the next, in milliseconds: whoever makes up ids of keys makes us ask no more often than this. */
const COOLDOWN = 5000;

/** For both documents together, in milliseconds. */
const TIMEOUT = 3000;

const MAX_BYTES = 512 * 1024;

/** The issuer's public keys: asked for when somebody needs them, kept, and asked for again when they are old or a token names another one. */
export class IssuerKeys {
  readonly #logger = new Logger(IssuerKeys.name);
  #known: { find: ReturnType<typeof createLocalJWKSet>; since: number } | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = -Infinity;
  /** What came of the last question, when it was no answer. */
  #failure: unknown;

  /** @param issuer as configured: its discovery document must name itself so */
  constructor(
    private readonly issuer: string,
    private readonly clock: Clock,
  ) {}

  /**
   * As jose asks for the key of a token.
   * @throws DomainError `unavailable` when the issuer cannot be asked and what is known is not enough; JOSEError when it has no such key
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (!this.isWithin(FRESH_FOR, this.#known?.since)) await this.ask();
    try {
      return await this.usable()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.ask();
      if (this.#failure !== undefined) throw this.away();
      return this.usable()(header, token);
    }
  };

  private usable(): ReturnType<typeof createLocalJWKSet> {
    if (this.#known === undefined || !this.isWithin(KEPT_FOR, this.#known.since)) throw this.away();
    return this.#known.find;
  }

  private away(): DomainError {
    const retryAfter = COOLDOWN / 1000;
    const context = { retryAfter, issuer: this.issuer };
    return new DomainError('unavailable', 'Access tokens cannot be checked: their issuer does not answer. Try again.', { context, cause: this.#failure, retryable: true });
  }

  /** A clock that was put back makes nothing last longer. */
  private isWithin(milliseconds: number, since = -Infinity): boolean {
    const passed = this.clock.now().getTime() - since;
    return passed >= 0 && passed < milliseconds;
  }

  /** Asks once for all who wait, and not again so soon. Never rejects: `#failure` says what came of it. */
  private async ask(): Promise<void> {
    if (this.#asking === undefined && this.isWithin(COOLDOWN, this.#askedAt)) return;
    this.#asking ??= this.load().finally(() => {
      this.#askedAt = this.clock.now().getTime();
      this.#asking = undefined;
    });
    await this.#asking;
  }

  private async load(): Promise<void> {
    try {
      const since = this.clock.now().getTime();
      this.#known = { find: createLocalJWKSet(await keysOf(this.issuer)), since };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      this.#logger.warn({ issuer: this.issuer, err: error }, 'the issuer of access tokens was asked for its keys in vain');
    }
  }
}

/** OpenID Connect Discovery 1.0, section 4: the configuration says where the keys are, and has to name the same issuer. */
async function keysOf(issuer: string): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(TIMEOUT);
  const configuration = (await jsonAt(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal)) as { issuer?: unknown; jwks_uri?: unknown } | null;
  const { issuer: named, jwks_uri: keys } = configuration ?? {};
  if (named !== issuer) throw new Error(`OIDC_ISSUER is ${JSON.stringify(issuer)}, but the issuer says that it is ${JSON.stringify(named)}.`);
  if (typeof keys !== 'string' || !isSecureUrl(keys)) throw new Error(`The issuer's jwks_uri is not https, but ${JSON.stringify(keys)}.`);
  return (await jsonAt(keys, signal)) as JSONWebKeySet;
}

async function jsonAt(url: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/json' } });
  if (response.status !== 200 || response.body === null) throw new Error(`${url} answered ${response.status}.`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`${url} answered with more than ${MAX_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}
