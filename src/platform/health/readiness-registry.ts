import { Injectable, Logger } from '@nestjs/common';

export interface ReadinessCheck {
  name: string;
  ok: boolean;
  /** Why not, in general words: errors of databases and servers hold addresses and user names. */
  detail: string;
}

type Probe = () => Promise<void>;

/** How long a probe may take before it counts as failed, in milliseconds. */
export const PROBE_TIMEOUT = 2_000;

/** What has to work for this process to be of use. Each part registers its own probe. */
@Injectable()
export class ReadinessRegistry {
  readonly #probes = new Map<string, Probe>();
  readonly #failing = new Set<string>();
  readonly #logger = new Logger(ReadinessRegistry.name);

  /** @param probe rejects when the part does not work */
  register(name: string, probe: Probe): void {
    if (this.#probes.has(name)) throw new Error(`There is a readiness probe named ${name} already.`);
    this.#probes.set(name, probe);
  }

  check(timeout = PROBE_TIMEOUT): Promise<ReadinessCheck[]> {
    return Promise.all([...this.#probes].map(([name, probe]) => this.#run(name, probe, timeout)));
  }

  async #run(name: string, probe: Probe, timeout: number): Promise<ReadinessCheck> {
    const failure = await settle(probe, timeout);
    this.#report(name, failure);
    if (failure === undefined) return { name, ok: true, detail: 'works' };
    const detail = failure instanceof TimedOut ? failure.message : 'does not work; the log says why';
    return { name, ok: false, detail };
  }

  /** Says it once: readiness is asked for every few seconds. */
  #report(name: string, failure: unknown): void {
    const wasFailing = this.#failing.has(name);
    if (failure !== undefined && !wasFailing) {
      this.#failing.add(name);
      this.#logger.warn({ check: name, err: failure }, `Not ready: ${name}`);
    } else if (failure === undefined && wasFailing) {
      this.#failing.delete(name);
      this.#logger.log({ check: name }, `Ready again: ${name}`);
    }
  }
}

class TimedOut extends Error {}

/** @returns what the probe failed with; undefined when it did not fail */
async function settle(probe: Probe, timeout: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimedOut(`no answer within ${timeout} ms`)), timeout);
  });
  try {
    await Promise.race([probe(), deadline]);
    return undefined;
  } catch (failure) {
    return failure ?? new Error('failed without saying why');
  } finally {
    clearTimeout(timer);
  }
}
