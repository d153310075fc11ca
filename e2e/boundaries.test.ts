import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlantedCheckout, type GateRun, type PlantedCheckout } from './testing/planted-checkout.ts';

const components = ['broker', 'control-plane', 'device-agent', 'edge-worker'] as const;
const mayImport = {
  shared: [],
  broker: ['shared'],
  'control-plane': ['shared'],
  'device-agent': ['shared'],
  'edge-worker': ['shared'],
  experiments: ['shared', ...components],
  cli: ['shared', ...components, 'experiments'],
  e2e: ['shared', ...components, 'experiments', 'cli'],
} satisfies Record<string, readonly string[]>;

const folders = Object.keys(mayImport);
const pairs = Object.entries(mayImport).flatMap(([from, allowed]) =>
  folders.filter((to) => to !== from).map((to) => ({ from, to, allowed: allowed.some((folder) => folder === to) })),
);

/** Ways to import another component; each has a target of its own, so that the compiler names each place. */
const forms = {
  'import of a value': (path: string) => `import { target } from '${path}';\nexport const planted = target;\n`,
  'import of a type': (path: string) => `import type { Target } from '${path}';\nexport type Planted = Target;\n`,
  're-export': (path: string) => `export * from '${path}';\n`,
  'import for its effects': (path: string) => `import '${path}';\n`,
  'dynamic import': (path: string) => `export const planted = () => import('${path}');\n`,
  'import type expression': (path: string) => `export type Planted = import('${path}').Target;\n`,
} as const;
const target = 'export const target = 1;\nexport type Target = number;\n';

let checkout: PlantedCheckout;
let clean: GateRun;
let planted: GateRun;
beforeAll(async () => {
  checkout = await createPlantedCheckout();
  clean = await checkout.build();
  for (const folder of folders) await checkout.plant({ [`${folder}/planted-target.ts`]: target });
  for (const { from, to } of pairs) {
    await checkout.plant({ [pairFile(from, to)]: `export { target } from '../${to}/planted-target.ts';\n` });
  }
  for (const [index, form] of Object.values(forms).entries()) {
    const name = `planted-form-${index}.ts`;
    await checkout.plant({ [`control-plane/${name}`]: target, [`broker/${name}`]: form(`../control-plane/${name}`) });
  }
  planted = await checkout.build();
}, 180_000);
afterAll(() => checkout.close());

test('the checkout without a planted import builds', () => {
  expect(clean.code, clean.output).toBe(0);
});

describe('a forbidden import ends the build with an error:', () => {
  for (const { from, to } of pairs.filter(({ allowed }) => !allowed)) {
    test(`${from} imports ${to}`, () => {
      expect(planted.code).not.toBe(0);
      expectRefused(pairFile(from, to), `${to}/planted-target.ts`, from);
    });
  }
  for (const [index, form] of Object.keys(forms).entries()) {
    test(`the ${form}`, () => {
      expectRefused(`broker/planted-form-${index}.ts`, `control-plane/planted-form-${index}.ts`, 'broker');
    });
  }
});

for (const { from, to } of pairs.filter(({ allowed }) => allowed)) {
  test(`${from} may import ${to}`, () => {
    expect(planted.about(pairFile(from, to))).toBe('');
  });
}

function pairFile(from: string, to: string): string {
  return `${from}/planted-import-of-${to}.ts`;
}

/** The compiler names the file that imports, the file that is imported and the project that it is no part of. */
function expectRefused(path: string, imported: string, folder: string): void {
  const said = planted.about(path);
  expect(said).toContain('error TS6307');
  expect(said).toContain(`/${imported}' is not listed within the file list of project`);
  expect(said).toContain(`/${folder}/tsconfig.json'`);
}
