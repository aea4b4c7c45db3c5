"""How procrastinate's function that takes the next job may look for it.

It leaves out jobs whose lock another holds, by a join of the queue with itself. A worker's session planned that once, while
the queue was empty: PostgreSQL took the table for one page, and from then on read and compared all of it for each job. With
10,000 mails waiting, the next job took 8 to 18 seconds. It is planned for each job now (half a millisecond) and reads by
index, whatever the statistics say: the next job takes a few milliseconds."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

FETCH = "procrastinate_fetch_job_v2(varchar[], bigint)"
NOT_BY = ("seqscan", "bitmapscan", "sort", "material", "hashjoin", "mergejoin")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("kit", "0001_functions"), ("procrastinate", "0041_post_retry_failed_job")]
    operations: ClassVar = [
        sql(
            f"ALTER FUNCTION {FETCH} SET plan_cache_mode = force_custom_plan"
            + "".join(f" SET enable_{way} = off" for way in NOT_BY),
            reverse=f"ALTER FUNCTION {FETCH} RESET ALL",
        )
    ]
