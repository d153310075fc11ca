import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repositoryFile } from '../../../shared/testing/data-folder.ts';
import { writeDataFile } from '../data-file.ts';
import { experiments } from '../experiments.ts';
import { sampleData } from '../testing/sample-data.ts';
import { staleFiles, writeReport } from './write-report.ts';

describe('a report', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-'));
    for (const file of sampleData()) await writeDataFile(folder, file);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const markdown = (): Promise<string> => readFile(join(folder, 'report.md'), 'utf8');

  test('has a sample of the data of every experiment to be tried on', () => {
    expect(sampleData().map(({ experiment }) => experiment)).toEqual(experiments.map(({ name }) => name));
  });

  test('tells of each claim the paper’s figure, ours and whether it holds', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await markdown()).toContain(
      '| 0.123 s → 2.317 s | paper, branchy-alexnet-32: holds (0.123 s → 1.985 s) | holds |',
    );
    expect(await markdown()).toContain(
      '| 12, 16, 19, 20, 22 layers | branchy-alexnet-32: holds (12, 16, 19, 20, 22 layers',
    );
  });

  test('is the same in Markdown and HTML: the same cells in the same order', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    const html = await readFile(join(folder, 'report.html'), 'utf8');
    const ofHtml = [...html.matchAll(/<t[hd](?: [^>]*)?>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell);
    const rows = (await markdown()).split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
    expect(ofHtml.length).toBeGreaterThan(50);
    expect(ofHtml).toEqual(rows.flatMap((row) => row.slice(2, -2).split(' | ')));
  });

  test('agrees with its data as long as neither was touched', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await staleFiles({ folder, experiments })).toEqual([]);
  });

  test('disagrees as soon as one number of its data is another', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    const path = join(folder, 'motivation.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"median": 2300', '"median": 2301'));
    expect(await staleFiles({ folder, experiments })).toEqual([
      'report.md',
      'report.html',
      'motivation-paper-branchy-alexnet-32.svg',
    ]);
  });

  test('draws the pictures of the README as PNG too', async () => {
    const paths = await writeReport({ folder, experiments, code: 'abc' });
    const pngs = paths.filter((path) => path.endsWith('.png'));
    expect(pngs.length).toBeGreaterThan(0);
    for (const path of pngs) expect((await readFile(path)).subarray(1, 4).toString()).toBe('PNG');
  });

  describe('knows a PNG that is not its picture’s', () => {
    const name = 'static-accuracy-paper-branchy-alexnet-32';
    const stale = (): Promise<string[]> => staleFiles({ folder, experiments });

    test('by what it was drawn from: data of which the SVG is another', async () => {
      await writeReport({ folder, experiments, code: 'abc' });
      const path = join(folder, 'static-accuracy.json');
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replaceAll('"accuracy": 0.892', '"accuracy": 0.5'));
      expect(await stale()).toEqual(['report.md', 'report.html', `${name}.svg`, `${name}.png`]);
      // As after a run that renders all but the PNGs.
      const rendering = await readFile(join(folder, 'rendering.json'));
      const png = await readFile(join(folder, `${name}.png`));
      await writeReport({ folder, experiments, code: 'abc' });
      expect(await stale()).toEqual([]);
      await writeFile(join(folder, `${name}.png`), png);
      expect(await stale()).toEqual([`${name}.png`]);
      await writeFile(join(folder, 'rendering.json'), rendering);
      expect(await stale()).toEqual([`${name}.png`]);
    });

    test('by what was drawn: another file, or none', async () => {
      await writeReport({ folder, experiments, code: 'abc' });
      const path = join(folder, `${name}.png`);
      const png = await readFile(path);
      png[png.length - 1] = (png.at(-1) ?? 0) ^ 1;
      await writeFile(path, png);
      expect(await stale()).toEqual([`${name}.png`]);
      await rm(path);
      expect(await stale()).toEqual([`${name}.png`]);
    });

    test('by that nothing was recorded', async () => {
      await writeReport({ folder, experiments, code: 'abc' });
      await writeFile(join(folder, 'rendering.json'), '{"schema":1,"code":"abc"}');
      expect(await stale()).toContain(`${name}.png`);
    });
  });

  test('shows pictures, each a file', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    const named = [...(await markdown()).matchAll(/\]\(([^)]+\.svg)\)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(2);
    expect((await readdir(folder)).filter((name) => name.endsWith('.svg'))).toEqual(named.toSorted());
  });

  test('has at least one picture of each experiment', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    const names = await readdir(folder);
    for (const { name } of experiments) {
      expect(
        names.filter((file) => file.startsWith(`${name}-`) && file.endsWith('.svg')),
        name,
      ).not.toEqual([]);
    }
    for (const side of ['device', 'worker']) expect(names).toContain(`layers-${side}-branchy-alexnet-32.svg`);
  });

  test('tells of those experiments alone that have left data', async () => {
    await rm(join(folder, 'layers.json'));
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await markdown()).not.toContain('Fig. 3');
    expect(await markdown()).toContain('Fig. 4');
  });

  test('states the policy that was measured under, and what the default one would change', async () => {
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await markdown()).toContain('accuracyTolerance 0, minimumAccuracy 0, marginMs 5, objective accuracy');
    expect(await markdown()).toMatch(/policy has accuracyTolerance 0\.005, .* within 0\.5 points count as equal/);
  });

  test('says which code measured each experiment, and that other code than that rendered it', async () => {
    const [first, second, ...others] = sampleData();
    const measured = { code: 'abc', takenOver: [] };
    for (const file of [first, second, ...others]) if (file) await writeDataFile(folder, { ...file, ...measured });
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await markdown()).toContain('Measured and rendered by the code at commit abc.');
    expect(await markdown()).toContain('| motivation.json | quick | 2020-01-01T00:00:00.000Z | abc |');

    await writeReport({ folder, experiments, code: 'def-dirty' });
    expect(await markdown()).toContain('rendered by the code at commit def-dirty. Another than that');

    const takenOver = [{ points: 3 }, { code: 'ghi', points: 2 }];
    if (first) await writeDataFile(folder, { ...first, code: 'abc', takenOver });
    if (second) await writeDataFile(folder, second);
    await writeReport({ folder, experiments, code: 'abc' });
    expect(await markdown()).toContain('measured motivation.json, layers.json (column');
    expect(await markdown()).toContain('| abc; 3 points: code not recorded; 2 points: ghi |');
    expect(await markdown()).toContain('| layers.json | quick | 2020-01-01T00:00:00.000Z | code not recorded |');
  });

  test('is not made of data that are no data', async () => {
    await writeFile(join(folder, 'layers.json'), '{"schema":1}');
    await expect(writeReport({ folder, experiments, code: 'abc' })).rejects.toThrow(
      expect.objectContaining({ code: 'experiment-data-invalid' }),
    );
    for (const file of sampleData()) await writeDataFile(folder, { ...file, data: { cases: [{ model: 7 }] } });
    await expect(writeReport({ folder, experiments, code: 'abc' })).rejects.toThrow(
      expect.objectContaining({ code: 'experiment-data-invalid' }),
    );
  });
});

test('no title is longer than its picture is wide', async () => {
  const folder = repositoryFile('experiments', 'report');
  const svgs = (await readdir(folder)).filter((name) => name.endsWith('.svg'));
  expect(svgs.length).toBeGreaterThan(50);
  for (const name of svgs) {
    const svg = await readFile(join(folder, name), 'utf8');
    const texts = [...svg.matchAll(/<text [^>]*text-anchor="middle"[^>]*font-size:(12|18)px[^>]*>([^<]*)<\/text>/g)];
    expect(texts.length, name).toBeGreaterThan(0);
    for (const [, size, text = ''] of texts)
      expect(text.length, `${name}: ${text}`).toBeLessThan(size === '18' ? 70 : 120);
  }
});

test('the report that comes with the project is what its data files make', async () => {
  expect(await staleFiles({ folder: repositoryFile('experiments', 'report'), experiments })).toEqual([]);
});
