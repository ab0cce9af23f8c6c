import { Parser } from 'tar';

/** A file of a bundle. */
export interface UnpackedFile {
  /** Octal digits. */
  mode: string;
  text: string;
}

/** The files of a tar.gz by path, all of them regular and owned by 0:0. */
export function unpack(archive: Buffer): Promise<Map<string, UnpackedFile>> {
  const files = new Map<string, UnpackedFile>();
  return new Promise((resolve, reject) => {
    const parser = new Parser({
      onReadEntry: (entry) => {
        const chunks: Buffer[] = [];
        expect([entry.uid, entry.gid, entry.type]).toEqual([0, 0, 'File']);
        entry.on('data', (chunk: Buffer) => chunks.push(chunk));
        entry.on('end', () => files.set(entry.path, { mode: (entry.mode ?? 0).toString(8), text: Buffer.concat(chunks).toString() }));
      },
    });
    parser.on('end', () => resolve(files));
    parser.on('error', reject);
    parser.end(archive);
  });
}
