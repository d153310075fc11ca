import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { beforeAll, describe, expect, test } from 'vitest';
import { errorCatalogue } from '../shared/runtime/errors.ts';
import { createParser } from '../shared/runtime/schema.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { listCheckoutFiles } from './testing/checkout-files.ts';

const names = Type.Record(Type.String(), Type.String());
const dependenciesSchema = Type.Object({ dependencies: names, devDependencies: names });
const packageSchema = Type.Intersect([
  dependenciesSchema,
  Type.Object({
    license: Type.String(),
    engines: Type.Object({ node: Type.String() }),
    overrides: names,
    allowScripts: Type.Record(Type.String(), Type.Boolean()),
  }),
]);
const lockSchema = Type.Object({
  packages: Type.Intersect([
    Type.Object({ '': dependenciesSchema }),
    Type.Record(
      Type.String(),
      Type.Object({
        integrity: Type.Optional(Type.String()),
        optional: Type.Optional(Type.Boolean()),
        os: Type.Optional(Type.Array(Type.String())),
        cpu: Type.Optional(Type.Array(Type.String())),
        resolved: Type.Optional(Type.String()),
        hasInstallScript: Type.Optional(Type.Boolean()),
      }),
    ),
  ]),
});
const projectSchema = Type.Object({ references: Type.Array(Type.Object({ path: Type.String() })) });

/** What npm may run of a package while it installs it: the SQL driver compiles itself, nothing else may run. */
const mayRunScripts = ['better-sqlite3'];
const binary = /\.(onnx|png|jpe?g|bin)$/;

let files: readonly string[];
/** The text of every file that has any. */
let texts: ReadonlyMap<string, string>;
beforeAll(async () => {
  files = await listCheckoutFiles();
  const readable = files.filter((path) => !binary.test(path));
  const read = await Promise.all(readable.map(async (path) => [path, await textOf(path)] as const));
  texts = new Map(read);
});

describe('source files', () => {
  test('none has more than 400 lines, and nine of ten have fewer than 250', () => {
    const lengths = sources(/\.(ts|mjs|py|grit)$/).map(([path, text]) => ({
      path,
      lines: text.split('\n').length - 1,
    }));
    expect(lengths.length).toBeGreaterThan(100);
    expect(lengths.filter(({ lines }) => lines > 400)).toEqual([]);
    const long = lengths.filter(({ lines }) => lines >= 250);
    expect(long.length / lengths.length, JSON.stringify(long)).toBeLessThanOrEqual(0.1);
  });

  test('none silences the compiler', () => {
    expect(matching(/\.ts$/, /@ts-(?:ignore|nocheck|expect-error)/)).toEqual([]);
  });

  test('none silences a boundary rule, or a rule for a whole file', () => {
    expect(matching(/\.(ts|mjs)$/, /biome-ignore(?:-all|-start| lint\/plugin)/)).toEqual([]);
  });

  test('no test waits by sleeping', () => {
    expect(matching(/\.test\.ts$/, /=> *setTimeout\(|from 'node:timers\/promises'/)).toEqual([]);
  });

  test('every folder of the root that holds TypeScript is a project that the build refers to', async () => {
    const folders = new Set(files.filter((path) => /^[^/]+\/.*\.ts$/.test(path)).map((path) => path.split('/')[0]));
    const root = createParser(projectSchema, 'config-invalid', 'tsconfig.json').parseJson(
      await textOf('tsconfig.json'),
    );
    expect(root.references.map(({ path }) => path).sort()).toEqual([...folders].map((folder) => `./${folder}`).sort());
    expect([...folders].filter((folder) => !files.includes(`${folder}/tsconfig.json`))).toEqual([]);
  });
});

describe('error codes', () => {
  const ownFolder = /^shared\/runtime\/errors\//;
  const code = () => sources(/\.ts$/).filter(([path]) => !isTest(path) && !ownFolder.test(path));

  test.each(Object.entries(errorCatalogue))('%s comes with advice and is used', (name, advice) => {
    expect(advice).toMatch(/^\S.{20,}\.$/);
    const users = code().filter(([, text]) => text.includes(`'${name}'`));
    expect(users.map(([path]) => path)).not.toEqual([]);
  });
});

describe('packages', () => {
  const exact = /^\d+\.\d+\.\d+$/;

  test('each is wanted in one exact version', async () => {
    const { dependencies, devDependencies, overrides } = await readPackage();
    const wanted = Object.entries({ ...dependencies, ...devDependencies, ...overrides });
    expect(wanted.filter(([, version]) => !exact.test(version))).toEqual([]);
  });

  test('Node 20.19 or newer is asked for', async () => {
    const { engines } = await readPackage();
    const [, major, minor] = /^>=(\d+)\.(\d+)\.\d+$/.exec(engines.node) ?? [];
    expect(Number(major) * 1000 + Number(minor)).toBeGreaterThanOrEqual(20_019);
  });

  test('the lockfile holds what package.json wants', async () => {
    const { dependencies, devDependencies } = await readPackage();
    const { '': locked } = await readLock();
    expect(locked).toMatchObject({ dependencies, devDependencies });
    expect(Object.keys({ ...locked.dependencies, ...locked.devDependencies }).sort()).toEqual(
      Object.keys({ ...dependencies, ...devDependencies }).sort(),
    );
  });

  test('every locked package has its hash and names no host; those of other platforms may lack the hash', async () => {
    const { '': _, ...packages } = await readLock();
    const locked = Object.entries(packages);
    expect(locked.length).toBeGreaterThan(100);
    const unhashed = locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    // What a registry mirror does not serve, npm cannot hash: optional, for one platform each, never fetched here.
    const isForeign = ({ optional, os, cpu }: (typeof packages)[string]): boolean =>
      optional === true && os?.length === 1 && cpu?.length === 1;
    expect(unhashed.filter(([, entry]) => !isForeign(entry)).map(([path]) => path)).toEqual([]);
    expect(unhashed.length).toBeLessThan(30);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  test('a package with an install script is named in package.json, and only the listed ones may run it', async () => {
    const { '': _, ...packages } = await readLock();
    const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
    const { allowScripts } = await readPackage();
    expect(scripted.map(([path]) => path.split('node_modules/').at(-1)).sort()).toEqual(
      Object.keys(allowScripts).sort(),
    );
    const allowed = Object.entries(allowScripts).filter(([, allow]) => allow);
    expect(allowed.map(([name]) => name)).toEqual(mayRunScripts);
  });

  test('no file names the host of a package registry', () => {
    const hosts =
      /registry\.(?:npmjs|yarnpkg|[a-z-]+\.(?:com|org|io|net))|npmjs\.(?:org|com)|pypi\.org|pythonhosted\.org/;
    expect(matching(/./, hosts)).toEqual([]);
  });
});

test('the licence is Apache 2.0, in the file and in package.json', async () => {
  expect((await readPackage()).license).toBe('Apache-2.0');
  expect(texts.get('LICENSE')).toMatch(/^\s*Apache License\n\s*Version 2\.0, January 2004\n/);
  expect(texts.get('LICENSE')).toContain('END OF TERMS AND CONDITIONS');
});

function textOf(path: string): Promise<string> {
  return readFile(repositoryFile(path), 'utf8');
}

/** @returns the files that are written by hand and whose path matches */
function sources(pattern: RegExp): readonly (readonly [path: string, text: string])[] {
  return [...texts].filter(([path]) => pattern.test(path) && !path.endsWith('_pb.ts'));
}

/** @returns the paths of the files in which something is found */
function matching(path: RegExp, wanted: RegExp): readonly string[] {
  return sources(path).flatMap(([name, text]) => (wanted.test(text) ? [name] : []));
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/');
}

async function readPackage() {
  return createParser(packageSchema, 'config-invalid', 'package.json').parseJson(await textOf('package.json'));
}

async function readLock() {
  const parser = createParser(lockSchema, 'config-invalid', 'package-lock.json');
  return parser.parseJson(await textOf('package-lock.json')).packages;
}
