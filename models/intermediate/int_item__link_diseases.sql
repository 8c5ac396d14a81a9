{#- Which diseases a line of a receipt points to, as ranges of ICD-10: by the item's own code, or by the 薬効分類 of a
    drug. Of the classes that a drug lies in, the narrowest that has a row decides. -#}
with links as (
    select * from {{ ref('item_disease_links') }}
),

drugs as (
    select * from {{ source('control', 'known_drug') }}
),

drug_links as (
    select
        drugs.item_code,
        links.match_code,
        links.icd10_from_code,
        links.icd10_to_code,
        links.valid_from,
        links.valid_to,
        max(length(links.match_code)) over (partition by drugs.item_code) as narrowest
    from drugs
    inner join links
        on
            links.match_kind = 'drug_class'
            and links.match_code = substr(drugs.drug_class_code, 1, length(links.match_code))
),

final as (
    select
        item_code,
        icd10_from_code,
        icd10_to_code,
        valid_from,
        valid_to
    from drug_links
    where length(match_code) = narrowest
    union all
    select
        match_code as item_code,
        icd10_from_code,
        icd10_to_code,
        valid_from,
        valid_to
    from links
    where match_kind = 'item'
)

select * from final
