/** One member a line: `update.sh --prefix` finds paths so. */
export const jsonText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
