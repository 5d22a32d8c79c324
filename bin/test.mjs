// `npm test`: installs what is missing, then types, lint, TypeScript and Python tests; says what each came to and how many tests ran.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { prepare, refuse, root, run } from './prepare.mjs';

await prepare();
const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
needRedis();
const python = pythonEnvironment();

const results = mkdtempSync(join(tmpdir(), 'troupe-test-'));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const steps = [
  ['types', bin('tsc'), ['--noEmit']],
  ['lint', bin('biome'), ['check', '.']],
  ['python lint', python('ruff'), ['check', 'training']],
  ['typescript tests', bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile=${join(results, 'vitest.json')}`]],
  ['python tests', python('python'), ['-m', 'pytest', '-q', 'training', `--junitxml=${join(results, 'pytest.xml')}`]],
];
const outcomes = [];
for (const [name, command, args] of steps) {
  console.log(`\n── ${name}`);
  const startedMs = Date.now();
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FORCE_COLOR: process.env.FORCE_COLOR ?? '0' },
  });
  outcomes.push({ name, ok: done.status === 0, seconds: Math.round((Date.now() - startedMs) / 1000), why: done.error?.message });
}

// Types and lint count as one test each: a red line among them must show in the last line too.
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
for (const { name, ok } of outcomes) if (!name.endsWith('tests')) counts[ok ? 'passed' : 'failed']++;
add('typescript tests', vitestCounts());
add('python tests', pytestCounts());
rmSync(results, { recursive: true, force: true });
// Once more, last: the end is what is kept of a long log.
for (const { name, message } of failures) console.log(`\n✗ ${name}\n${message}`);
console.log('');
for (const { name, ok, seconds, why } of outcomes)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)${why ? `: ${why}` : ''}`);
console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`);
process.exit(counts.failed || outcomes.some((o) => !o.ok) ? 1 : 0);

/** A suite that fails without a failed test (a crash, a broken import, no test at all) counts as one failure. */
function add(name, found) {
  const outcome = outcomes.find((o) => o.name === name);
  if (!found || found.passed + found.failed === 0) outcome.ok = false;
  for (const key of Object.keys(counts)) counts[key] += found?.[key] ?? 0;
  if (!outcome.ok && !found?.failed) counts.failed++;
}

function vitestCounts() {
  const file = join(results, 'vitest.json');
  if (!existsSync(file)) return null;
  const report = JSON.parse(readFileSync(file, 'utf8'));
  for (const { name, status, message, assertionResults } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    for (const test of failed)
      failures.push({ name: `${relative(root, name)} > ${test.fullName}`, message: begin(test.failureMessages.join('\n')) });
    if (status === 'failed' && failed.length === 0) failures.push({ name: relative(root, name), message: begin(message) });
  }
  return { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests + report.numTodoTests };
}

function pytestCounts() {
  const file = join(results, 'pytest.xml');
  if (!existsSync(file)) return null;
  const report = readFileSync(file, 'utf8');
  for (const [, tag, message] of report.matchAll(/<testcase ([^>]*)><(?:failure|error) message="([^"]*)"/g)) {
    const [at, name] = ['classname', 'name'].map((key) => new RegExp(`\\b${key}="([^"]*)"`).exec(tag)?.[1]);
    failures.push({
      name: `${at} > ${name}`,
      message: begin(message.replaceAll('&#10;', '\n').replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>')),
    });
  }
  const number = (name) => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(report)?.[1] ?? 0);
  const failed = number('failures') + number('errors');
  return { passed: number('tests') - failed - number('skipped'), failed, skipped: number('skipped') };
}

/** What went wrong and where, without the whole stack. */
function begin(message) {
  return message
    .split('\n')
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join('\n');
}

/** Real Redis: installed with apt where that is possible, asked for where it is not. PostgreSQL likewise. */
function needRedis() {
  const missing = [];
  if (!has('redis-server')) missing.push('redis-server');
  if (!existsSync('/usr/lib/postgresql') && !has('initdb')) missing.push('postgresql');
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !has('apt-get'))
    refuse(
      `the tests need ${missing.join(' and ')}. Debian and Ubuntu: sudo apt-get install ${missing.join(' ')}; macOS: brew install redis postgresql.`,
    );
  console.error(`Installing ${missing.join(' ')} …`);
  run('apt-get', ['update', '-qq'], true);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], true, { DEBIAN_FRONTEND: 'noninteractive' });
}

/** training/.venv with what the Python tests need, made again when pyproject.toml changes. Returns a path finder for its programs. */
function pythonEnvironment() {
  const venv = join(root, 'training', '.venv');
  const program = (name) => join(venv, 'bin', name);
  const stamp = join(venv, '.troupe-installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'training', 'pyproject.toml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return program;
  const interpreter = ['python3.11', 'python3.12', 'python3.13', 'python3'].find(has);
  if (!interpreter) refuse('the Python tests need Python 3.11 or newer with venv. Debian and Ubuntu: sudo apt-get install python3-venv.');
  console.error('Making the Python environment (two or three minutes, once) …');
  run(interpreter, ['-m', 'venv', venv], true);
  // torch on its own and first: its CPU build is the one wanted.
  run(program('python'), ['-m', 'pip', 'install', '--quiet', 'torch==2.13.0'], true);
  run(program('python'), ['-m', 'pip', 'install', '--quiet', '-e', 'training[test]'], true);
  writeFileSync(stamp, wanted);
  return program;
}
