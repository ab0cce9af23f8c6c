import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';

export interface Load {
  perSecond: number;
  /** Milliseconds that 99 of 100 requests took at most. */
  p99: number;
  bytesPerAnswer: number;
}

interface Target {
  /** Asked for in turn. */
  urls: readonly string[];
  headers?: Record<string, string>;
}

/** Asks over and over, on so many connections at once, each asking again when it was answered. */
export async function load({ urls, headers = {} }: Target, { connections, seconds }: { connections: number; seconds: number }): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let bytes = 0;
  let next = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const one = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      const received = await get(urls[next++ % urls.length]!, headers, agent);
      bytes += received;
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const elapsed = (performance.now() - begin) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  return { perSecond: times.length / elapsed, p99: times[Math.floor(times.length * 0.99)]!, bytesPerAnswer: bytes / times.length };
}

/** @returns bytes of the body */
function get(url: string, headers: Record<string, string>, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('end', () => (response.statusCode === 200 ? resolve(bytes) : reject(new Error(`answered ${response.statusCode}`))));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
