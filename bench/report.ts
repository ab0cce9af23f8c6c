/** Writes a line to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @param ratio of this service to a baseline */
export function row(what: string, perSecond: number, unit: string, ratio?: number): void {
  const figure = `${perSecond.toLocaleString('en', { maximumFractionDigits: 1 })} ${unit}`;
  print(`  ${what.padEnd(34)}${figure.padStart(16)}${ratio === undefined ? '' : `   ratio ${ratio.toFixed(2)}`}`);
}
