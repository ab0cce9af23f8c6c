import type { DiscoveryService } from '@nestjs/core';

/** All providers of a class, whatever module they are in. */
export function instancesOf<T>(discovery: DiscoveryService, type: abstract new (...args: never[]) => T): T[] {
  const instances = discovery.getProviders().map(({ instance }: { instance: unknown }) => instance);
  return [...new Set(instances.filter((instance): instance is T => instance instanceof type))];
}
