import { shellQuote } from '#libs/bundle';
import type { Secret } from '#libs/kernel';
import { ATTEMPT_HEADER, TOKEN_HEADER } from './download.js';

interface DownloadLine {
  url: string;
  token: Secret;
  fileName: string;
}

/** Seconds between the tries. All of them are within the time that a used token stays good for the same attempt. */
const PAUSES = '1 2 4 8 0';

/**
 * One line for a POSIX shell. The token goes in a header: URLs end up in the logs of proxies.
 *
 * A connection that breaks, or brings nothing for 30 s, is tried again, from the first byte. curl's own `--retry` is for servers that say that they are busy: it takes a broken
 * transfer for final, and `--retry-all-errors`, which does not, is unknown to curl before 7.71 and tries again what was refused, too.
 * When the head of an answer is cut off, curl 7.88 is content with it and ends with 0: so gzip has a look. Refused (22), nowhere to write (23) and a server that is not trusted (60) are final.
 */
export function downloadCommand({ url, token, fileName }: DownloadLine): string {
  const headers = `-H ${shellQuote(`${TOKEN_HEADER}: ${token.reveal()}`)} -H "${ATTEMPT_HEADER}: $attempt"`;
  const download = `curl -fsS --connect-timeout 10 -Y 1 -y 30 --retry 3 -X POST ${headers} -o ${shellQuote(fileName)} ${shellQuote(url)}`;
  const attempt = `$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')`;
  return `(attempt=${attempt}; for pause in ${PAUSES}; do ${download} && gzip -t ${shellQuote(fileName)} && exit; code=$?; case $code in 22|23|60) break; esac; sleep $pause; done; exit $code)`;
}
