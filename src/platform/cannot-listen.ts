import { DomainError } from '#libs/kernel';

const WHY: Record<string, string> = {
  EADDRINUSE: 'is taken by another program',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'needs more rights',
};

/**
 * Puts into words why an address that was configured cannot be listened on.
 * @param what `The API cannot listen: HOST and PORT say`
 * @returns the error as it is when it is of another kind
 */
export function cannotListen(error: unknown, what: string, address: string): unknown {
  const why = WHY[(error as { code?: string }).code ?? ''];
  return why === undefined ? error : new DomainError('invalid_configuration', `${what} ${address}, which ${why}.`, { cause: error });
}
