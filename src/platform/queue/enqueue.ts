import type { Logger } from '@nestjs/common';
import { afterRunning } from '../running-time.js';

/** How long whoever asked waits for the queue to take a job, in milliseconds. */
const PATIENCE = 1_000;

/**
 * Waits for a job to be taken, but not for a queue that is away: jobs only make things fast, a sweep sees to it that they
 * happen. Never rejects.
 */
export async function enqueued(adding: Promise<unknown>, logger: Logger, fields: Record<string, unknown>): Promise<void> {
  let callOff: () => void;
  const late = new Promise<Error>((resolve) => {
    callOff = afterRunning(PATIENCE, () => resolve(new Error('The queue does not answer.')));
  });
  const failure = await Promise.race([adding.then(() => undefined, (error: unknown) => error), late]).finally(() => callOff());
  if (failure !== undefined) logger.warn({ err: failure, ...fields }, 'not enqueued; a sweep will see to it');
}
