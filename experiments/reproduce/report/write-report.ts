import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { svgToPng } from '../../../shared/adapters/charts/svg-to-png.ts';
import { writeAtomically } from '../../../shared/model/write-atomically.ts';
import { type DataFile, readDataFile } from '../data-file.ts';
import type { Experiment } from '../experiment.ts';
import { blocksOf, type ReportDocument } from './document.ts';
import { toHtml } from './html.ts';
import { introduction } from './introduction.ts';
import { toMarkdown } from './markdown.ts';
import { drawPicture } from './picture.ts';
import { readRendering, writeRendering } from './rendering.ts';

/** Pictures that the README shows, which not every reader draws from SVG. */
const readmePictures: readonly string[] = [
  'static-accuracy-paper-branchy-alexnet-32',
  'dynamic-link-bound-branchy-alexnet-128-all-oboe-paper-throughput',
];

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
  await writeRendering(options.folder, code);
  const files = await renderReport(options);
  for (const [name, content] of files) await writeAtomically(join(options.folder, name), content);
  const pngs = await writePngs(options.folder, files);
  return [...files.keys(), ...pngs].map((name) => join(options.folder, name));
}

/** Not part of what is compared with the data: how text looks depends on the machine's fonts. */
async function writePngs(folder: string, files: ReadonlyMap<string, string>): Promise<string[]> {
  const written: string[] = [];
  for (const name of readmePictures) {
    const svg = files.get(`${name}.svg`);
    if (svg === undefined) continue;
    await writeAtomically(join(folder, `${name}.png`), await svgToPng(svg));
    written.push(`${name}.png`);
  }
  return written;
}

/**
 * @returns the files of the folder's report that are not what its data files make
 * @throws {FleetError} `experiment-data-invalid`
 */
export async function staleFiles(options: ReportOptions): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, content] of await renderReport(options)) {
    const written = await readFile(join(options.folder, name), 'utf8').catch(() => undefined);
    if (written !== content) stale.push(name);
  }
  return stale;
}

/** @returns the content of each file of the report, by its name */
async function renderReport({ folder, experiments }: ReportOptions): Promise<Map<string, string>> {
  const told: { file: DataFile; experiment: Experiment }[] = [];
  for (const experiment of experiments) {
    const file = await readDataFile(folder, experiment.name);
    if (file !== undefined) told.push({ file, experiment });
  }
  const document: ReportDocument = {
    title: 'The paper’s experiments on this software',
    introduction: introduction(
      told.map(({ file }) => file),
      await readRendering(folder),
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
