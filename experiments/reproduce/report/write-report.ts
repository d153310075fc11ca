import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../../shared/model/write-atomically.ts';
import { type DataFile, readDataFile } from '../data-file.ts';
import type { Experiment } from '../experiment.ts';
import { blocksOf, type ReportDocument } from './document.ts';
import { toHtml } from './html.ts';
import { introduction } from './introduction.ts';
import { toMarkdown } from './markdown.ts';
import { drawPicture } from './picture.ts';
import { stalePngs, writePngs } from './pngs.ts';
import { readRendering, writeRendering } from './rendering.ts';

export interface ReportOptions {
  /** Holds the data files, and the report that is made of them. */
  folder: string;
  experiments: readonly Experiment[];
}

/**
 * Writes the report that the data files of a folder make: nothing else goes into it, but which code rendered it.
 * @param options `code` is what renders, as `readCode` gives it
 * @returns the paths of what was written
 * @throws {FleetError} `experiment-data-invalid`
 */
export async function writeReport({ code, ...options }: ReportOptions & { code: string | null }): Promise<string[]> {
  const files = await renderReport(options, code);
  for (const [name, content] of files) await writeAtomically(join(options.folder, name), content);
  const pngs = await writePngs(options.folder, files);
  await writeRendering(options.folder, { code, pngs });
  return [...files.keys(), ...Object.keys(pngs).map((name) => `${name}.png`)].map((name) => join(options.folder, name));
}

/**
 * @returns the files of the folder's report that are not what its data files make
 * @throws {FleetError} `experiment-data-invalid`
 */
export async function staleFiles(options: ReportOptions): Promise<string[]> {
  const rendering = await readRendering(options.folder);
  const files = await renderReport(options, rendering?.code);
  const stale: string[] = [];
  for (const [name, content] of files) {
    const written = await readFile(join(options.folder, name), 'utf8').catch(() => undefined);
    if (written !== content) stale.push(name);
  }
  return [...stale, ...(await stalePngs(options.folder, files, rendering?.pngs))];
}

/** @param code that renders; undefined: not recorded @returns the content of each file of the report, by its name */
async function renderReport(
  { folder, experiments }: ReportOptions,
  code: string | null | undefined,
): Promise<Map<string, string>> {
  const told: { file: DataFile; experiment: Experiment }[] = [];
  for (const experiment of experiments) {
    const file = await readDataFile(folder, experiment.name);
    if (file !== undefined) told.push({ file, experiment });
  }
  const document: ReportDocument = {
    title: 'The paper’s experiments on this software',
    introduction: introduction(
      told.map(({ file }) => file),
      code,
    ),
    chapters: told.map(({ file, experiment }) => experiment.chapter(file.data)),
  };
  const files = new Map([
    ['report.md', toMarkdown(document)],
    ['report.html', toHtml(document)],
  ]);
  for (const block of blocksOf(document)) {
    if (block.kind === 'picture') files.set(`${block.name}.svg`, drawPicture(block.picture));
  }
  return files;
}
