import Table from 'cli-table3';

/** Standard output belongs to results. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

/** @param numeric positions of the columns that are numbers: those align right */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[],
): void {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (numeric.includes(column) ? 'right' : 'left')),
  });
  for (const row of rows) table.push([...row]);
  printLine(table.toString());
}
