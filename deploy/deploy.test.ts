import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  volumes?: string[];
}

const read = (path: string) => readFileSync(path, 'utf8');
const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(read('docker-compose.yml'), { merge: true });
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  test('brings bot, inference and all that they and their operator need', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['bot', 'grafana', 'inference', 'postgres', 'prometheus', 'redis']);
  });

  test('pins every image to a version and builds from a file that is there', () => {
    for (const [name, service] of services) {
      if (service.build) expect(existsSync(service.build.dockerfile), name).toBe(true);
      else expect(service.image, name).toMatch(/^[\w./-]+:v?\d+(\.\d+)*(-\w+)?$/);
    }
  });

  test('starts the roles with commands of the README', () => {
    expect(compose.services.bot?.command).toEqual(['npm', 'start', '-w', 'bot']);
    expect(compose.services.inference?.command).toEqual(['npm', 'start', '-w', 'inference']);
  });

  test('waits only for services that say when they are healthy', () => {
    for (const [name, service] of services)
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition).toBe('service_healthy');
        expect(compose.services[needed]?.healthcheck, `${name} waits for ${needed}`).toBeDefined();
      }
  });

  test('mounts only folders that are there and volumes that are declared', () => {
    for (const [, service] of services)
      for (const mount of service.volumes ?? []) {
        const source = mount.split(':')[0] as string;
        if (source.startsWith('.')) expect(existsSync(source), mount).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
  });
});

describe('the Dockerfile', () => {
  test('copies only what is there', () => {
    for (const [, sources] of read('deploy/Dockerfile').matchAll(/^COPY (.+) \S+$/gm))
      for (const source of (sources as string).split(' ')) expect(existsSync(source), source).toBe(true);
  });
});

describe('dashboards and alerts', () => {
  // The contract's names; a metric that is renamed must be renamed here and there.
  const metrics = [
    'troupe_turns_total',
    'troupe_turn_duration_seconds_bucket',
    'troupe_queue_jobs',
    'troupe_queue_oldest_seconds',
    'troupe_read_batch_size_sum',
    'troupe_read_batch_size_count',
    'troupe_write_tokens_total',
    'troupe_emotions_total',
    'troupe_intents_total',
    'troupe_votes_total',
    'troupe_model_info',
    'troupe_platform_connected',
  ];

  test('speak only of metrics that exist', () => {
    const texts = [
      ...readdirSync('grafana/dashboards').map((file) => read(join('grafana/dashboards', file))),
      read('grafana/prometheus/rules.yml'),
    ];
    const named = new Set(texts.join('\n').match(/troupe_[a-z_]+/g));
    expect([...named].filter((name) => !metrics.includes(name))).toEqual([]);
  });

  test('use the data source that is provisioned', () => {
    const uid = parse(read('grafana/provisioning/datasources/prometheus.yml')).datasources[0].uid;
    for (const file of readdirSync('grafana/dashboards'))
      for (const panel of JSON.parse(read(join('grafana/dashboards', file))).panels) expect(panel.datasource.uid, panel.title).toBe(uid);
  });

  const promtool = spawnSync('promtool', ['--version']).status === 0;
  test.skipIf(!promtool)('pass their own unit tests (needs promtool)', () => {
    execFileSync('promtool', ['test', 'rules', 'rules.test.yml'], { cwd: 'grafana/prometheus', stdio: 'pipe' });
  });
});
