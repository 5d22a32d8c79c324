// Who may import whom. The table is the architecture: an import outside it fails here, with the line to move.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

interface Rule {
  /** Files it speaks for; the first rule that matches a file is its rule. */
  from: RegExp;
  /** Own files it may import. */
  own: RegExp;
  /** Packages it may import, besides Node's own modules. */
  packages: RegExp;
}

const contract = '@troupe/inference/contract';
const rules: Rule[] = [
  { from: /^start\.ts$/, own: /^bin\//, packages: /^(@troupe\/(bot|inference|prisma)|pino|prom-client|zod)$/ },
  { from: /^bin\/[a-z]+\.ts$/, own: /^bin\//, packages: /^$/ },
  {
    from: /^bin\/verbs\//,
    own: /^(start\.ts|(bin|bot\/src|inference\/src|test)\/.+)$/,
    packages: /^(@troupe\/(bot|inference|prisma)(\/contract)?|pino|prom-client|zod|ioredis|pg)$/,
  },
  {
    from: /^bot\/src\/platforms\/([a-z]+)\//,
    own: /^bot\/src\/(platform|errors|platforms\/$1\/.+)\.ts$/,
    packages: new RegExp(
      `^(${contract}|pino|zod|discord\\.js|discord-api-types|@slack/.+|undici|fastify|@fastify/.+|fastify-type-provider-zod)`,
    ),
  },
  { from: /^bot\/src\/skills\/([a-z-]+)\//, own: /^bot\/src\/(skill|skills\/$1\/.+)\.ts$/, packages: new RegExp(`^(${contract}|zod)$`) },
  { from: /^bot\/src\/queue[a-z-]*\.ts$/, own: /^bot\/src\//, packages: new RegExp(`^(${contract}|bullmq|ioredis|zod|pino)`) },
  { from: /^bot\/src\/bus[a-z-]*\.ts$/, own: /^bot\/src\//, packages: new RegExp(`^(${contract}|ioredis|zod|pino)$`) },
  {
    from: /^bot\/src\/(memory[a-z-]*|inbox|feedback|outbox|retention|privacy|readiness|reads|services|votes|index|main)\.ts$/,
    own: /^bot\/src\/(?!platforms\/|skills\/)/,
    packages: new RegExp(`^(${contract}|@troupe/prisma|zod|pino|prom-client)$`),
  },
  { from: /^bot\/src\//, own: /^bot\/src\/(?!platforms\/|skills\/)/, packages: new RegExp(`^(${contract}|zod|pino|prom-client|tinyld)`) },
  { from: /^inference\/src\/worker\.ts$/, own: /^inference\/src\//, packages: /^(bullmq|ioredis|zod|pino|prom-client)/ },
  // The notice that another version is live comes over Redis, not over a queue.
  { from: /^inference\/src\/registry-watch\.ts$/, own: /^inference\/src\//, packages: /^(ioredis|zod|pino)$/ },
  // Whatever weighs much and only an option needs is imported in one place each.
  {
    from: /^inference\/src\/(local\/|teacher-forced\.ts)/,
    own: /^inference\/src\//,
    packages: /^(node-llama-cpp|zod|pino)$/,
  },
  {
    from: /^inference\/src\//,
    own: /^inference\/src\//,
    packages: /^(onnxruntime-node|@huggingface\/tokenizers|compromise|openai|zod|pino|prom-client|tsx)/,
  },
  { from: /^prisma\//, own: /^prisma\//, packages: /^(@prisma\/|prisma|pg$|@electric-sql\/)/ },
  { from: /^prisma\.config\.ts$/, own: /^$/, packages: /^prisma\/config$/ },
];

test('every import stays within the table', () => {
  const trespasses: string[] = [];
  for (const file of sources('.')) {
    const rule = rules.find((r) => r.from.test(file));
    if (!rule) {
      trespasses.push(`${file}: no rule speaks for it; give it one`);
      continue;
    }
    const own = new RegExp(rule.own.source.replaceAll('$1', rule.from.exec(file)?.[1] ?? ''));
    for (const specifier of imports(file)) {
      if (specifier.startsWith('.')) {
        const target = relative('.', resolve(dirname(file), specifier));
        if (!target.startsWith('prisma/src/generated') && !own.test(target)) trespasses.push(`${file} imports ${target}`);
      } else if (!specifier.startsWith('node:') && !builtinModules.includes(specifier) && !rule.packages.test(specifier))
        trespasses.push(`${file} imports ${specifier}`);
    }
  }
  expect(trespasses).toEqual([]);
});

test('no platform names another one, and the core names none', () => {
  const platforms = readdirSync('bot/src/platforms').filter((name) => statSync(join('bot/src/platforms', name)).isDirectory());
  expect(platforms.length).toBeGreaterThan(0);
  const core = sources('bot/src').filter((file) => !file.startsWith('bot/src/platforms/'));
  const named = core.filter((file) => imports(file).some((specifier) => /platforms\/[a-z]/.test(specifier)));
  expect(named).toEqual([]);
});

test('nothing is called utils, helpers, common, misc, manager or service', () => {
  const attic = sources('.').filter((file) => /(^|\/)(utils?|helpers?|common|misc|managers?|service)(\.ts|\/)/.test(file));
  expect(attic).toEqual([]);
});

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'generated', '.git', '.venv', 'test', 'page', 'data'].includes(entry.name) ? [] : sources(path);
    const own = /\.ts$/.test(entry.name) && !/\.(test|d)\.ts$|^(vitest\.config|screenshot)\.ts$/.test(entry.name);
    return own ? [path] : [];
  });
}

function imports(file: string): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return [
    ...text.matchAll(
      /^\s*(?:import|export)\s[^'"`;]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
