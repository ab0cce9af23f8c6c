import pg from 'pg';

/**
 * BullMQ holds connections without listening to their errors: one that the server ends between two statements would end the process.
 * Whatever runs on it is told all the same, and the pool drops it.
 */
export class QueueClient extends pg.Client {
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return event === 'error' && this.listenerCount('error') === 0 ? false : super.emit(event, ...args);
  }
}

/**
 * The connection that waits for jobs. BullMQ listens to its errors only a moment after it is connected: one that was ended by then would be
 * kept, and no job would come over it any more. So whoever begins to listen is told of the error that has been.
 */
class WaitingClient extends QueueClient {
  #lost: Error | undefined;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'error') this.#lost = args[0] as Error;
    return super.emit(event, ...args);
  }

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    const lost = this.#lost;
    if (event === 'error' && lost !== undefined) queueMicrotask(() => (listener as (error: Error) => void)(lost));
    return super.on(event as 'error', listener as () => void);
  }
}

/** BullMQ takes the class of that connection from the module itself; nobody else does. */
export function listenToWaitingClients(): void {
  Object.assign(pg, { Client: WaitingClient });
}
