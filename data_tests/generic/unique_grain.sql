{# One row per combination of the columns that name the grain. Only the number of offenders is told.

    Rows are first grouped by a hash of these columns, which is a number: to group a long table by its texts takes more than
    twice as long. Only what shares a hash is compared. #}
{% test unique_grain(model, columns, period=none) %}
{%- set row_hash = 'hash(' ~ columns | join(', ') ~ ')' -%}
select
    count(*) as combinations_count
from (
    select {{ columns | join(', ') }}
    from {{ rows_to_test(model, period) }}
    where {{ row_hash }} in (
        select {{ row_hash }} as row_hash
        from {{ rows_to_test(model, period) }}
        group by {{ row_hash }}
        having count(*) > 1
    )
    group by {{ columns | join(', ') }}
    having count(*) > 1
) as repeated
having count(*) > 0
{% endtest %}
