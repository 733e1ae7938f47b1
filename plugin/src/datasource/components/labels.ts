import { t } from '@grafana/i18n';
import { type EventFilter } from '../../feed/source';
import { type QueryType, type VariableKind } from '../types';

export function queryTypeLabels(): Record<QueryType, { label: string; description: string }> {
  return {
    events: {
      label: t('query_types.events', 'Events'),
      description: t('query_types.events_about', 'What happened in the fleet, newest first'),
    },
    agents: {
      label: t('query_types.agents', 'Agents'),
      description: t('query_types.agents_about', 'State, task, success and tokens of each agent'),
    },
    councils: {
      label: t('query_types.councils', 'Councils'),
      description: t('query_types.councils_about', 'How many agents of each council are at work'),
    },
    stories: {
      label: t('query_types.stories', 'Stories'),
      description: t('query_types.stories_about', 'Phase, tasks, tokens and trace of each story'),
    },
    story_timeline: {
      label: t('query_types.story_timeline', 'Story timeline'),
      description: t('query_types.story_timeline_about', 'Phases and tasks of stories, by when they began'),
    },
    ray_jobs: {
      label: t('query_types.ray_jobs', 'Ray jobs'),
      description: t('query_types.ray_jobs_about', 'Jobs, drivers and deliberations that Ray remembers'),
    },
    llm_requests: {
      label: t('query_types.llm_requests', 'LLM requests'),
      description: t('query_types.llm_requests_about', 'Requests with their agent, tokens and times'),
    },
    graph: {
      label: t('query_types.graph', 'Graph'),
      description: t('query_types.graph_about', 'Nodes and edges around a story, for the Node graph panel'),
    },
    cache_keys: {
      label: t('query_types.cache_keys', 'Cache keys'),
      description: t('query_types.cache_keys_about', 'The largest keys, with size and time to live'),
    },
    cache_activity: {
      label: t('query_types.cache_activity', 'Cache activity'),
      description: t('query_types.cache_activity_about', 'The last keyspace events'),
    },
    components: {
      label: t('query_types.components', 'Components'),
      description: t('query_types.components_about', 'Each part of the fleet: up or down, version, pods'),
    },
    consumers: {
      label: t('query_types.consumers', 'Consumers'),
      description: t('query_types.consumers_about', 'Durable consumers with their lag and health'),
    },
    alerts: {
      label: t('query_types.alerts', 'Alerts'),
      description: t('query_types.alerts_about', 'Alerts that Alertmanager sent to Fleetscope'),
    },
  };
}

export function fieldLabels(): Record<keyof EventFilter, { label: string; tooltip: string }> {
  const several = t('filter.several', 'Several values are separated by commas. Variables are allowed.');
  return {
    story: { label: t('filter.story', 'Story'), tooltip: several },
    task: { label: t('filter.task', 'Task'), tooltip: several },
    role: { label: t('filter.role', 'Role'), tooltip: several },
    agent: { label: t('filter.agent', 'Agent'), tooltip: several },
    type: {
      label: t('filter.type', 'Type'),
      tooltip: t('filter.type_help', '`*` stands for any run of characters: agent.*'),
    },
    producer: { label: t('filter.producer', 'Producer'), tooltip: several },
    source: { label: t('filter.source', 'Source'), tooltip: t('filter.source_help', 'The system an event comes from') },
    severity: {
      label: t('filter.severity', 'Severity'),
      tooltip: t('filter.severity_help', 'For events: at least this. For alerts: exactly this.'),
    },
    consumer: {
      label: t('filter.consumer', 'Consumer'),
      tooltip: t('filter.consumer_help', 'Durable consumer that was given the message'),
    },
    model: { label: t('filter.model', 'Model'), tooltip: several },
    filter: {
      label: t('filter.filter', 'Filter'),
      tooltip: t(
        'filter.filter_help',
        'Terms that must all hold: story:US-1 role:DEV,QA -type:context.* "free text". Variables are allowed.'
      ),
    },
    q: { label: t('filter.q', 'Text'), tooltip: t('filter.q_help', 'Text in payload, subject or summary') },
  };
}

export function kindLabels(): Record<VariableKind, string> {
  return {
    story: t('kinds.story', 'Stories'),
    task: t('kinds.task', 'Tasks'),
    role: t('kinds.role', 'Roles'),
    agent: t('kinds.agent', 'Agents'),
    type: t('kinds.type', 'Event types'),
    consumer: t('kinds.consumer', 'Consumers'),
    model: t('kinds.model', 'Models'),
    council: t('kinds.council', 'Councils'),
    producer: t('kinds.producer', 'Producers'),
  };
}
