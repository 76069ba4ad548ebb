"""What sending a message raises while its carrier is away, whichever it is (Valkey, RabbitMQ)."""

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

BROKER_ERRORS = (OperationalError, RedisError, AMQPError, OSError)
