/** Rows with their columns below each other. Whatever a text holds, a row stays one line. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => row[column]!.length)));
  return clean.map((row) => `${row.map((text, column) => text.padEnd(widths[column]!)).join('  ').trimEnd()}\n`).join('');
}
