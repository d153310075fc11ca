import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFilterTree } from './filter-tree.ts';
import { createMatcher, isFilter } from './topic-filter.ts';

const level = fc.constantFrom('a', 'b', '', '$s');
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'))
  .filter((text) => text !== '');

/** The standard's rules, written as they are read. */
function matches(pattern: string, text: string): boolean {
  if (text.startsWith('$') && /^[+#]/.test(pattern)) return false;
  const step = (wanted: string[], levels: string[]): boolean => {
    if (wanted[0] === '#') return true;
    if (wanted.length === 0 || levels.length === 0) return wanted.length === levels.length;
    return (wanted[0] === '+' || wanted[0] === levels[0]) && step(wanted.slice(1), levels.slice(1));
  };
  return step(pattern.split('/'), text.split('/'));
}

test('tree and matcher find what the rules of MQTT find, after whatever was added and removed', () => {
  fc.assert(
    fc.property(
      fc.array(filter, { maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      topic,
      (filters, gone, text) => {
        const tree = createFilterTree<number>();
        for (const [i, each] of filters.entries()) tree.add(each, i);
        tree.match(text);
        const removed = new Set(gone.map((i) => i % Math.max(1, filters.length)));
        for (const i of removed) tree.remove(filters[i] ?? 'none', i);
        const left = [...filters.keys()].filter((i) => !removed.has(i));
        const expected = left.filter((i) => matches(filters[i] ?? '', text));
        expect(tree.match(text).toSorted((a, b) => a - b)).toEqual(expected);
        expect(left.filter((i) => createMatcher(filters[i] ?? '')(text))).toEqual(expected);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a matcher covers another filter where it matches all that the other one does', () => {
  const cases: [string, string, boolean][] = [
    ['secret/#', 'secret', true],
    ['secret/#', 'secret/+', true],
    ['secret/#', 'secret/a/#', true],
    ['secret/+', 'secret/+', true],
    ['secret/+', 'secret/#', false],
    ['secret/a', 'secret/+', false],
    ['#', '$SYS/x', false],
  ];
  for (const [by, other, expected] of cases)
    expect([by, other, createMatcher(by)(other)]).toEqual([by, other, expected]);
});

test('a filter has its wildcards where MQTT allows them', () => {
  const good = ['#', '+', '/', 'a/+/b', 'a/#', '+/+/#', '$SYS/#', ' ', 'x'.repeat(65_535)];
  const bad = ['', 'a#', '#/a', 'a/#/b', 'a+', '+a/b', 'a\0', 'x'.repeat(65_536)];
  expect(good.filter((text) => !isFilter(text))).toEqual([]);
  expect(bad.filter(isFilter)).toEqual([]);
});
