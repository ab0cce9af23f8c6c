import type { Clock } from '#libs/kernel';
import { decodeAccount } from '#libs/nats';

/**
 * The clock for an account's next JWT. A server that starts keeps the later one of the JWT that it has learnt and the one in its configuration,
 * by the second: no two share one.
 */
export function laterThan(jwt: string, clock: Clock): Clock {
  const earliest = (decodeAccount(jwt).iat + 1) * 1000;
  return { now: () => new Date(Math.max(clock.now().getTime(), earliest)) };
}
