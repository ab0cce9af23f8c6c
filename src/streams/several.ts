/** Does a piece of work for each of the items, so many at a time. */
export async function forEachOf<T>(items: readonly T[], atATime: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
