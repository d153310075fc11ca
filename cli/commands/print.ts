import Table from 'cli-table3';

/** Standard output belongs to results. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

interface TableLayout {
  /** Positions of the columns that are numbers: those align right. */
  readonly numeric: readonly number[];
  /** A line between two rows, for cells of several lines. */
  readonly ruled?: boolean;
}

/** @param layout positions of the numeric columns where nothing else is to be said */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  layout: readonly number[] | TableLayout,
): void {
  const { numeric, ruled = false } = 'numeric' in layout ? layout : { numeric: layout };
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: !ruled },
    colAligns: head.map((_, column) => (numeric.includes(column) ? 'right' : 'left')),
  });
  for (const row of rows) table.push([...row]);
  printLine(table.toString());
}
