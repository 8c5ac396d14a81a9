-- The signed control totals of every source file: read = sealed + set aside + refused + out of area.
select
    linkage_domain,
    delivery_id,
    table_name,
    measure
from {{ source('raw', 'control_total') }}
group by linkage_domain, delivery_id, table_name, measure
having
    sum(case when outcome = 'read' then value else 0 end)
    <> sum(case when outcome in ('sealed', 'set_aside', 'refused', 'out_of_area') then value else 0 end)
