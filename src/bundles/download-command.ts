import { shellQuote } from '#libs/bundle';
import type { Secret } from '#libs/kernel';

interface DownloadLine {
  url: string;
  token: Secret;
  fileName: string;
}

/** One line for a POSIX shell. The token goes in a header: URLs end up in the logs of proxies. */
export function downloadCommand({ url, token, fileName }: DownloadLine): string {
  const header = `x-serviceradar-download-token: ${token.reveal()}`;
  return `curl -fsS -X POST -H ${shellQuote(header)} -o ${shellQuote(fileName)} ${shellQuote(url)}`;
}
