import { Client } from 'pg';

export type Work = () => Promise<unknown>;

/** Does something before or after the next call of a method, and then what it is there for. */
export function nextCall(service: object, method: string, { before, after }: { before?: Work; after?: Work }): void {
  const methods = service as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const original = methods[method]!;
  methods[method] = async (...args) => {
    delete methods[method];
    await before?.();
    const result = await original.apply(service, args);
    await after?.();
    return result;
  };
}

/** What a run fails with that is cut short. */
export const die = () => Promise.reject(new Error('injected'));

/**
 * Lets statements fail in PostgreSQL while some work is done, with the message `injected`.
 * @param trigger what follows `create`, up to the function
 */
export async function failing(ownerUrl: string, trigger: string, work: Work): Promise<void> {
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query(`create function inject() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$`);
    await owner.query(`create ${trigger} execute function inject()`);
    await work();
  } finally {
    await owner.query('drop function inject cascade');
    await owner.end();
  }
}
