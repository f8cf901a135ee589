import type { FastifyReply } from 'fastify'

/** `GET sys/leader`: one process has a vault, and no other stands by. */
export function leader(reply: FastifyReply): FastifyReply {
  return reply.send({
    ha_enabled: false,
    is_self: true,
    leader_address: '',
    leader_cluster_address: '',
    performance_standby: false,
    performance_standby_last_remote_wal: 0,
  })
}
