import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { listCheckoutFiles } from './checkout-files.ts';

/** What a gate said about a checkout. */
export interface GateRun {
  code: number;
  /** Everything it printed. */
  output: string;
  /** @returns the lines about one file, each with its explanation */
  about(path: string): string;
}

/** The sources and settings of this checkout in a folder of their own, where faults can be planted. */
export interface PlantedCheckout {
  /** Writes files; the keys are paths from the root. */
  plant(files: Readonly<Record<string, string>>): Promise<void>;
  /** Runs `tsc -b`, as `npm run build` does. */
  build(): Promise<GateRun>;
  /** Runs the lint rules as `npm run lint` does. */
  lint(): Promise<GateRun>;
  close(): Promise<void>;
}

const copied = /(\.ts|\.mjs|\.grit|tsconfig[^/]*\.json|^package\.json|^biome\.json|^\.gitignore)$/;

/** Copies what the two gates read; the packages are linked, nothing compiled comes along. */
export async function createPlantedCheckout(): Promise<PlantedCheckout> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'edgent-planted-')));
  const files = (await listCheckoutFiles()).filter((path) => copied.test(path));
  await Promise.all(files.map((path) => cp(repositoryFile(path), join(folder, path))));
  await symlink(repositoryFile('node_modules'), join(folder, 'node_modules'));

  return {
    async plant(planted) {
      for (const [path, text] of Object.entries(planted)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
    },
    build: () => runGate(folder, ['tsc', '-b', '--pretty', 'false'], (path) => `${path}(`),
    lint: () =>
      runGate(
        folder,
        ['biome', 'lint', '--error-on-warnings', '--reporter=github', '--max-diagnostics=none', '.'],
        (path) => `file=${join(folder, path)},`,
      ),
    close: () => rm(folder, { recursive: true }),
  };
}

/** @param place how the gate's output names a file */
function runGate(
  folder: string,
  [program = '', ...words]: readonly string[],
  place: (path: string) => string,
): Promise<GateRun> {
  return new Promise((resolve, reject) => {
    const script = join(folder, 'node_modules', '.bin', program);
    execFile(script, words, { cwd: folder, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') return reject(error);
      const output = `${stdout}${stderr}`;
      const about = (path: string) =>
        output
          .split('\n')
          .filter((line) => line.includes(place(path)))
          .join('\n');
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output, about });
    });
  });
}
