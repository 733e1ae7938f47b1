// Panel 1 of the plan: which parts of the fleet are up, and how the fleet does, at a glance.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, marks } from './board';
import { built, to } from './links';
import { needsALook } from './overview-look';
import { bars, lines, row, stacked, stat, tiles } from './panels';
import { METRICS, fleet, now, range, rows } from './sources';
import { table } from './table';
import { A_SECOND, GREEN, IS_UP, RED, UP, YELLOW, known } from './values';

const KUBERNETES = 'No data: set kubernetes.namespaces';

export const overview = (): DashboardBuilder => needsALook(state());

const state = (): DashboardBuilder =>
  board({
    name: 'overview',
    title: 'Overview',
    description: 'Which parts of the fleet are up, how it does, and what needs a look.',
    refresh: '1s',
    from: 'now-15m',
  })
    .annotation(marks('Failures', 'orange', 'events', { severity: 'error' }))
    .withRow(row('Parts of the fleet'))
    .withPanel(
      tiles({
        title: 'Components',
        text: 'Whether each part answers, by its probe, its source or its pods; a part of which nobody can tell is not here.',
        unit: 'none',
        size: [24, 5],
        queries: [now('fleet_component_up', '{{component}}')],
        empty: 'No data: Prometheus does not scrape Fleetscope',
      })
        .mappings(UP)
        .thresholds(known(RED, [1, GREEN]))
        .dataLinks(built([to('events', 'Events about components', { type: 'component.*' })])),
    )
    .withPanel(
      table(
        {
          title: 'State, pods, uptime, versions, resources',
          text: 'Each part with its version, pods, uptime, CPU, memory and graphics processors, and why it is down or not known.',
          size: [24, 14],
          queries: [fleet('components')],
          empty: 'No data: no data source with uid fleetscope-feed answers',
        },
        [
          { field: 'component', name: 'Component', width: 190 },
          { field: 'up', name: 'Status', mappings: IS_UP, width: 85 },
          { field: 'version', name: 'Version', width: 130 },
          { field: 'pods', name: 'Pods', width: 60 },
          { field: 'ready', name: 'Ready', width: 65 },
          { field: 'wanted', name: 'Wanted', width: 75 },
          { field: 'restarts', name: 'Restarts', width: 80 },
          { field: 'uptime_seconds', name: 'Uptime', unit: 's', width: 95 },
          { field: 'cpu_cores', name: 'CPU (cores)', width: 100 },
          { field: 'memory_bytes', name: 'RAM', unit: 'bytes', width: 90 },
          { field: 'gpus', name: 'GPUs', width: 65 },
          { field: 'gpu_utilization_ratio', name: 'GPU', unit: 'percentunit', width: 70 },
          { field: 'probe', name: 'Told by', width: 105 },
          { field: 'reason', name: 'Reason', width: 120 },
          { field: 'detail', name: 'Detail', cell: 'wrap' },
        ],
      ),
    )
    .withPanel(
      stacked({
        title: 'Pods',
        text: 'Pods of all components by phase, where Kubernetes is watched.',
        unit: 'short',
        size: [6, 7],
        queries: [range('sum by (phase) (fleet_component_pods)', '{{phase}}')],
        empty: KUBERNETES,
      }),
    )
    .withPanel(
      bars({
        title: 'Uptime',
        text: 'Time since the longest running pod of each component started.',
        unit: 's',
        size: [6, 7],
        queries: [now('sort_desc(time() - fleet_component_start_time_seconds)', '{{component}}')],
        empty: KUBERNETES,
      }),
    )
    .withPanel(
      lines({
        title: 'Restarts',
        text: 'Restarts of containers, when they happened.',
        unit: 'short',
        size: [6, 7],
        queries: [
          range('sum by (component) (increase(fleet_component_restarts_total[$__rate_interval])) > 0', '{{component}}'),
        ],
        empty: 'No restarts, or kubernetes.namespaces is not set',
      }).dataLinks(built([to('events', 'What happened to pods', { type: 'k8s.pod.*' })])),
    )
    .withPanel(
      table(
        {
          title: 'Versions',
          text: 'The version of each component, as Prometheus has it.',
          size: [6, 7],
          source: METRICS,
          queries: [rows('max by (component, version) (fleet_component_info)')],
          empty: KUBERNETES,
        },
        [
          { field: 'component', name: 'Component' },
          { field: 'version', name: 'Version' },
        ],
      ),
    )
    .withRow(row('At a glance'))
    .withPanel(
      stat({
        title: 'Agents at work',
        text: 'Agents that deliberate at the moment.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_council_agents{state="deliberating"})')],
        empty: 'No agent was heard of yet',
      }).dataLinks(built([to('councils', 'Councils and agents')])),
    )
    .withPanel(
      stat({
        title: 'Open deliberations',
        text: 'Deliberations that wait for answers.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_deliberations_open)')],
        empty: 'No deliberation yet',
      }).dataLinks(built([to('councils', 'Councils and agents')])),
    )
    .withPanel(
      stat({
        title: 'Overdue deliberations',
        text: 'Open deliberations older than deliberations.timeout.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_deliberations_overdue)')],
        empty: 'No deliberation yet',
      })
        .thresholds(known(GREEN, [1, RED]))
        .dataLinks(built([to('councils', 'Councils and agents')])),
    )
    .withPanel(
      stat({
        title: 'Messages in streams',
        text: 'Messages that the streams of NATS hold.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_stream_messages)')],
        empty: 'No data: set nats.url',
      }).dataLinks(built([to('consumers', 'Consumers')])),
    )
    .withPanel(
      stat({
        title: 'Ray jobs at work',
        text: 'Jobs of Ray that run.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_ray_jobs{status="RUNNING"})')],
        empty: 'No data: set ray.url',
      }).dataLinks(built([to('ray-llm', 'Ray and language models')])),
    )
    .withPanel(
      stat({
        title: 'Nodes in the graph',
        text: 'Nodes that Neo4j holds.',
        unit: 'short',
        size: [4, 4],
        queries: [now('sum(fleet_graph_nodes)')],
        empty: 'No data: set neo4j.uri',
      }).dataLinks(built([to('graph-cache', 'Graph and cache')])),
    )
    .withPanel(
      stat({
        title: 'GPU memory',
        text: 'Share of the memory of graphics processors that is in use, the fullest one.',
        unit: 'percentunit',
        size: [4, 4],
        queries: [now('max(fleet_gpu_memory_used_bytes / fleet_gpu_memory_total_bytes)')],
        empty: 'No data: set gpu.dcgm_url, gpu.ray_metrics_url or gpu.nvml',
      }).thresholds(known(GREEN, [0.9, YELLOW], [0.97, RED])),
    )
    .withPanel(
      stat({
        title: 'GPU use',
        text: 'Share of the time in which graphics processors computed, the mean of all.',
        unit: 'percentunit',
        size: [4, 4],
        queries: [now('avg(fleet_gpu_utilization_ratio)')],
        empty: 'No data: set gpu.dcgm_url, gpu.ray_metrics_url or gpu.nvml',
      }),
    )
    .withPanel(
      stat({
        title: 'Slow answers of models',
        text: 'The 95th percentile of what requests to language models took, within the time shown.',
        unit: 's',
        size: [4, 4],
        queries: [
          now('histogram_quantile(0.95, sum by (le) (rate(fleet_llm_request_duration_seconds_bucket[$__range])))'),
        ],
        empty: 'No data: set vllm.otlp, or no request came in this time',
      })
        .thresholds(known(GREEN, [3, YELLOW], [5, RED]))
        .dataLinks(built([to('ray-llm', 'Ray and language models')])),
    )
    .withPanel(
      stat({
        title: 'Cache hit ratio',
        text: 'Share of reads of Valkey that found their key, within the time shown.',
        unit: 'percentunit',
        size: [4, 4],
        queries: [
          now(
            'sum(increase(fleet_cache_hits_total[$__range])) / (sum(increase(fleet_cache_hits_total[$__range])) + sum(increase(fleet_cache_misses_total[$__range])))',
          ),
        ],
        empty: 'No data: set valkey.url, or nobody reads',
      }),
    )
    .withPanel(
      stat({
        title: 'Refused messages',
        text: 'Messages a second that consumers gave back with a nak.',
        unit: A_SECOND,
        size: [4, 4],
        queries: [now('sum(rate(fleet_deliveries_total{outcome="nak"}[$__rate_interval])) or vector(0)')],
        empty: 'No data: set nats.url',
      })
        .thresholds(known(GREEN, [1, RED]))
        .dataLinks(built([to('consumers', 'Consumers')])),
    )
    .withPanel(
      stat({
        title: 'Sources that do not answer',
        text: 'Systems of the fleet that Fleetscope is told to watch and gets no answer from.',
        unit: 'short',
        size: [4, 4],
        queries: [now('count(fleetscope_source_up == 0) or vector(0)')],
        empty: 'No data: Prometheus does not scrape Fleetscope',
      })
        .thresholds(known(GREEN, [1, RED]))
        .dataLinks(built([to('self', 'Fleetscope itself')])),
    )
    .withPanel(
      bars({
        title: 'Stories by phase',
        text: 'Stories followed at the moment, by their phase.',
        unit: 'short',
        size: [8, 8],
        queries: [now('sum by (phase) (fleet_stories)', '{{phase}}')],
        empty: 'No story was heard of yet',
      }),
    )
    .withPanel(
      stacked({
        title: 'Events',
        text: 'Messages seen a second, by stream.',
        unit: 'eps',
        size: [8, 8],
        queries: [range('sum by (stream) (rate(fleet_events_total[$__rate_interval]))', '{{stream}}')],
        empty: 'No data: set nats.url',
      }).dataLinks(built([to('events', 'Event stream')])),
    )
    .withPanel(
      lines({
        title: 'Failures',
        text: 'Failed answers of agents, jobs of Ray and requests to models a second.',
        unit: A_SECOND,
        size: [8, 8],
        queries: [
          range('sum(rate(fleet_agent_tasks_total{outcome!="completed"}[$__rate_interval]))', 'answers of agents'),
          range('sum(rate(fleet_ray_job_failures_total[$__rate_interval]))', 'jobs of Ray'),
          range('sum(rate(fleet_llm_requests_total{outcome!="completed"}[$__rate_interval]))', 'requests to models'),
        ],
        empty: 'Nothing failed yet',
      }).dataLinks(built([to('events', 'Event stream')])),
    );
