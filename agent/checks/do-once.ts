import { sentenceOf } from '../agent-error.js';
import type { Clock } from '../clock.js';
import type { CheckConfig, ServiceStatus } from '../gateway/wire.js';
import type { Finding } from './checker.js';
import { checkerOf } from './checkers.js';

/** Bytes of what a check found, at most: the gateway takes no more. */
const DETAILS_MAX = 16 * 1024;

const DEFAULT_TIMEOUT = 5;

/**
 * Does a check once.
 * @param stop ends it before its time
 * @returns its status, whatever happens: a check that fails, or takes too long, says so
 */
export async function doOnce(check: CheckConfig, clock: Clock, stop: AbortSignal): Promise<ServiceStatus> {
  const timeout = check.timeout_sec > 0 ? check.timeout_sec : DEFAULT_TIMEOUT;
  const began = clock.elapsed();
  const finding = await within(timeout, stop, (signal) => checkerOf(check.check_type)({ ...check, timeout_sec: timeout }, { signal, now: () => clock.now() }));
  return {
    service_name: check.name,
    service_type: check.check_type,
    available: finding.available,
    message: jsonOf(finding.details),
    response_time: Math.round((clock.elapsed() - began) * 1e6),
    source: check.check_id,
    salient: JSON.stringify([finding.available, ...(finding.salient ?? [])]),
  };
}

async function within(seconds: number, stop: AbortSignal, work: (signal: AbortSignal) => Promise<Finding>): Promise<Finding> {
  const limit = new AbortController();
  const end = () => limit.abort();
  const timer = setTimeout(end, seconds * 1000);
  const ended = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', () => reject(new Error('The check was ended.')), { once: true }));
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  try {
    return await Promise.race([work(limit.signal), ended]);
  } catch (error) {
    const sentence = limit.signal.aborted && !stop.aborted ? `There was no answer within ${seconds} s.` : sentenceOf(error);
    return { available: false, details: { error: sentence } };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', end);
    // What still runs is not waited for.
    end();
  }
}

function jsonOf(details: Finding['details']): Buffer {
  const message = Buffer.from(JSON.stringify(details));
  if (message.length <= DETAILS_MAX) return message;
  return Buffer.from(JSON.stringify({ error: details.error ?? null, note: `What was found has ${message.length} bytes, more than can be told.` }));
}
