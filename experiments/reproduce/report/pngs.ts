import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { svgToPng } from '../../../shared/adapters/charts/svg-to-png.ts';
import { writeAtomically } from '../../../shared/model/write-atomically.ts';
import type { Rendering } from './rendering.ts';

/** Pictures that the README shows, which not every reader draws from SVG. */
const readmePictures: readonly string[] = [
  'static-accuracy-paper-branchy-alexnet-32',
  'dynamic-link-bound-branchy-alexnet-128-all-oboe-paper-throughput',
];

/** SHA-256 of the files of each picture, by its name. */
type Drawn = NonNullable<Rendering['pngs']>;

/**
 * Draws the README's pictures as PNG.
 * @param files of the report by their names; pictures whose SVG is none of them are left out
 * @returns what was drawn from what
 */
export async function writePngs(folder: string, files: ReadonlyMap<string, string>): Promise<Drawn> {
  const drawn: Drawn = {};
  for (const [name, svg] of pictures(files)) {
    const png = await svgToPng(svg);
    await writeAtomically(join(folder, `${name}.png`), png);
    drawn[name] = { svg: sha256(svg), png: sha256(png) };
  }
  return drawn;
}

/**
 * A PNG cannot be drawn again and compared, for how its text looks depends on the machine's fonts.
 * @param drawn as it was recorded
 * @returns the PNG files that are not there, are not those that were drawn, or were drawn from another SVG
 */
export async function stalePngs(
  folder: string,
  files: ReadonlyMap<string, string>,
  drawn: Drawn = {},
): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, svg] of pictures(files)) {
    const png = await readFile(join(folder, `${name}.png`)).catch(() => undefined);
    const recorded = drawn[name];
    if (png === undefined || recorded?.svg !== sha256(svg) || recorded.png !== sha256(png)) stale.push(`${name}.png`);
  }
  return stale;
}

function pictures(files: ReadonlyMap<string, string>): [name: string, svg: string][] {
  return readmePictures.flatMap((name) => {
    const svg = files.get(`${name}.svg`);
    return svg === undefined ? [] : [[name, svg]];
  });
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
