import { describe, expect, test } from 'vitest';
import { platform as slackModule } from './index.ts';

describe('Slack’s settings', () => {
  const parse = (env: Record<string, string>) => slackModule.settings.safeParse(env);

  test('off without tokens, Socket Mode with an app token, HTTP with a signing secret', () => {
    expect(parse({}).data).toBeNull();
    expect(parse({ SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: ' ' }).data).toBeNull();
    expect(parse({ SLACK_BOT_TOKEN: 'xoxb', SLACK_APP_TOKEN: 'xapp' }).data?.receive).toEqual({ by: 'socket', appToken: 'xapp' });
    expect(parse({ SLACK_BOT_TOKEN: 'xoxb', SLACK_SIGNING_SECRET: 's' }).data?.receive).toEqual({ by: 'http', signingSecret: 's' });
    expect(parse({ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_SIGNING_SECRET: 's' }).data?.receive.by).toBe('socket');
    expect(parse({ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_API_URL: 'http://127.0.0.1:1/api/' }).data?.apiUrl).toBe(
      'http://127.0.0.1:1/api/',
    );
  });

  test.each([
    [{ SLACK_BOT_TOKEN: 'b' }, 'SLACK_APP_TOKEN'],
    [{ SLACK_APP_TOKEN: 'a' }, 'SLACK_BOT_TOKEN'],
    [{ SLACK_SIGNING_SECRET: 's' }, 'SLACK_BOT_TOKEN'],
    [{ SLACK_BOT_TOKEN: 'b', SLACK_APP_TOKEN: 'a', SLACK_API_URL: 'slack' }, 'SLACK_API_URL'],
  ] as [Record<string, string>, string][])('%o is refused, naming %s', (env, name) => {
    expect(parse(env).error?.issues.map(({ path }) => path[0])).toEqual([name]);
  });
});
