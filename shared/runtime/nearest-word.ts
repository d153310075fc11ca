/**
 * @returns which of the known words the written one may have been meant for; undefined where none is near: at most two
 * letters off, and less than half of them
 */
export function nearestWord(written: string, known: readonly string[]): string | undefined {
  const near = known
    .map((word) => ({ word, distance: editDistance(written.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, distance }) => distance <= 2 && distance < word.length / 2)
    .toSorted((a, b) => a.distance - b.distance);
  return near[0]?.word;
}

/** Letters to insert, delete or replace; far longer words are told by their length alone. */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return Math.abs(from.length - to.length);
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
